"""Sets of values do what sets do: held against Python's own over a small range."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.analyse.algebra.values import (
    EVERYTHING,
    HIGHEST,
    LOWEST,
    NOTHING,
    Values,
    before,
    behind,
    members,
    points,
    union,
)

KEYS = range(-3, 9)
CUTS = st.one_of(
    st.sampled_from([LOWEST, HIGHEST]),
    st.builds(before, st.integers(-2, 7), st.just(True)),
    st.builds(behind, st.integers(-2, 7), st.just(True)),
)
SETS = st.lists(st.tuples(CUTS, CUTS), max_size=4).map(union)


def held(values: Values) -> set[int]:
    """The keys of the small range that lie in a set."""
    return {key for key in KEYS if not (values & points([key], True)).empty}


@given(SETS, SETS)
def test_and_or_not_are_those_of_sets(one: Values, two: Values) -> None:
    assert held(one & two) == held(one) & held(two)
    assert held(one | two) == held(one) | held(two)
    assert held(~one) == set(KEYS) - held(one)
    assert ~~one == one


@given(SETS, SETS)
def test_within_is_that_of_sets(one: Values, two: Values) -> None:
    assert (one <= two) == ((one & ~two) == NOTHING)
    if one <= two:
        assert held(one) <= held(two)


@given(SETS)
def test_equal_sets_are_equal_values(one: Values) -> None:
    assert one | NOTHING == one == one & EVERYTHING
    assert one | ~one == EVERYTHING


def test_a_number_between_whole_numbers_is_none_of_them() -> None:
    assert points([2.5], True).empty
    assert before(2.5, True) == behind(2.5, True) == before(3, True)


def test_what_is_open_and_what_is_closed_differ_where_there_is_no_next_value() -> None:
    above, least = union([(behind(1.0, False), HIGHEST)]), union([(before(1.0, False), HIGHEST)])
    assert above <= least
    assert not least <= above


@pytest.mark.parametrize(
    ("values", "discrete", "listed"),
    [
        (points([3, 1, 2], True), True, (1, 2, 3)),
        (points(["b", "a"], False), False, ("a", "b")),
        (EVERYTHING, True, None),
        (union([(before(0.0, False), behind(1.0, False))]), False, None),
        (union([(before(0, True), behind(10**9, True))]), True, None),
    ],
)
def test_members_are_named_where_they_are_few(
    values: Values, discrete: bool, listed: object
) -> None:
    assert members(values, discrete) == listed
