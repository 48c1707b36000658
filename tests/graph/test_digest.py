"""The canonical form: one byte string of a value, whoever encodes it."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.graph.digest import canonical, digest, plain

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(VALUES)
def test_it_is_what_the_standard_library_writes(value: Any) -> None:
    wanted = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert canonical(value) == wanted.encode("utf-8", "surrogatepass")
    assert plain(value) == value


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_json_has_no_word_for_is_spelt(value: float) -> None:
    assert plain({"a": [value, 1.0]}) == {"a": [{"float": repr(value)}, 1.0]}
    assert digest(value) != digest(repr(value))
