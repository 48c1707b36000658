"""Whose turn it is: nobody before what they read, queries told together and ahead."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.duckdb import ahead
from benchmarks.generate import spec_text
from compiler.analyse import schedule
from compiler.analyse.memory import Memory
from compiler.analyse.schedule import TOLD, Schedule
from compiler.diagnostics import StackcError
from compiler.graph.serialize import to_bytes
from compiler.pipeline import compile_spec


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


SLIPS = (
    ("e.amount > 3\n", "e.amuont > 3\n"),
    ("from joined_7 ", "from joind_7 "),
    ("id > 9\n", "id > (\n"),
)
"""A column, a table, a bracket."""


@pytest.mark.parametrize("slips", [(), SLIPS[:1], SLIPS])
def test_however_many_are_told_the_same_is_found(
    slips: Sequence[tuple[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = spec_text(100)
    for right, wrong in slips:
        assert right in text
        text = text.replace(right, wrong, 1)
    spec = tmp_path / "stack.yaml"
    spec.write_text(text, "utf-8")
    said = []
    for told, size in ((1, 1_000), (7, 5), (1_000, 10), (1_000, 1_000)):
        monkeypatch.setattr(schedule, "TOLD", told)
        monkeypatch.setattr(ahead, "SIZE", size)
        said.append(_found(spec))
    assert said[1:] == said[:-1]
    assert isinstance(said[0], bytes) == (not slips)


def _found(spec: Path) -> bytes | list[tuple[str, str, str]]:
    """The graph, or what is wrong and where."""
    try:
        return to_bytes(compile_spec(spec, memory=Memory()).graph)
    except StackcError as error:
        return [(d.code.value, d.message, str(d.span)) for d in error.diagnostics]
