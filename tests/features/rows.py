"""Random rows: nulls, NaN, infinities, extremes, empty and odd strings."""

from __future__ import annotations

import datetime
from decimal import Decimal

from hypothesis import strategies as st

from tests.features.duck import NOT_NULL, Row

_INTS = st.one_of(
    st.integers(-5, 5),
    st.sampled_from([2**63 - 1, -(2**63), 2**53 + 1]),
    st.integers(-(2**62), 2**62),
)
_DOUBLES = st.one_of(
    st.integers(-4, 4).map(lambda n: n / 2),
    st.sampled_from(
        [float("nan"), float("inf"), float("-inf"), -0.0, 1e308, 5e-324, 0.49999999999999994]
    ),
    st.floats(),
)
_TEXT = st.one_of(
    st.sampled_from(
        ["", "a", "abc", "A", "a%c", "a_c", "a.c", "it's", "é", "\n", "a\nc", "🦆", " "]
    ),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=4),
)
_DAYS = st.one_of(
    st.dates(datetime.date(1, 1, 1), datetime.date(9999, 12, 31)),
    st.dates(datetime.date(1960, 1, 1), datetime.date(2030, 12, 31)),
    st.sampled_from(
        [datetime.date(2000, 2, 29), datetime.date(1900, 3, 1), datetime.date(1969, 12, 31)]
    ),
)
_MOMENTS = st.builds(datetime.datetime.combine, _DAYS, st.times())
_CENTS = st.integers(-(10**9), 10**9).map(lambda n: Decimal(n) / 100)
_VALUES = {
    "i": _INTS,
    "j": st.one_of(st.integers(-5, 5), st.sampled_from([2**31 - 1, -(2**31)])),
    "k": st.integers(-300, 300),
    "u": st.integers(0, 255),
    "x": _DOUBLES,
    "y": _DOUBLES,
    "f": st.one_of(st.integers(-4, 4).map(lambda n: n / 2), st.floats(width=32)),
    "g": st.floats(width=32),
    "b": st.booleans(),
    "c": st.booleans(),
    "s": _TEXT,
    "r": _TEXT,
    "t": _MOMENTS,
    "d": _DAYS,
    "h": st.times(),
    "e": _CENTS,
}
ROW: st.SearchStrategy[Row] = st.fixed_dictionaries(
    {name: v if name in NOT_NULL else st.none() | v for name, v in _VALUES.items()}
)
ROWS = st.lists(ROW, min_size=1, max_size=12)
