"""Whose turn it is: nobody before what they read, queries told together and ahead."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from compiler.analyse.schedule import TOLD, Schedule


@st.composite
def specs(draw: st.DrawFn) -> tuple[dict[str, set[str]], set[str]]:
    """Blocks that read blocks before them, and those that have a query."""
    count = draw(st.integers(0, 40))
    needs: dict[str, set[str]] = {}
    for at in range(count):
        earlier = st.sampled_from([*needs, "done"])
        needs[f"b{at}"] = draw(st.sets(earlier, max_size=4))
    queries = draw(st.sets(st.sampled_from(sorted(needs)))) if needs else set()
    return needs, queries


@given(specs())
def test_each_has_its_turn_behind_what_it_reads(
    given_: tuple[dict[str, set[str]], set[str]],
) -> None:
    needs, queries = given_
    told: list[str] = []
    turns: list[str] = []
    for name in Schedule(needs, queries, told.extend).turns([*needs]):
        assert needs[name] <= {*turns, "done"}
        assert name not in queries or name in told
        turns.append(name)
    assert sorted(turns) == sorted(needs)
    assert sorted(told) == sorted(queries)
    assert [*Schedule(needs, queries, lambda names: None).turns([*needs])] == turns


def test_queries_are_told_by_many_and_others_have_their_turn_meanwhile() -> None:
    """Sources first, and what reads the first queries before the last queries."""
    many = 2 * TOLD + 50
    needs: dict[str, set[str]] = {f"s{at}": set() for at in range(many)}
    needs |= {f"q{at}": {f"s{at}"} for at in range(many)}
    needs |= {f"m{at}": {f"q{at}"} for at in range(many)}
    said: list[Sequence[str]] = []
    queries = {name for name in needs if name.startswith("q")}
    turns = [*Schedule(needs, queries, lambda names: said.append([*names])).turns([*needs])]
    assert [len(names) for names in said] == [TOLD, TOLD, 50]
    assert turns[:many] == [f"s{at}" for at in range(many)]
    assert turns[many : many + 4] == ["q0", "m0", "q1", "m1"]
