"""Names: the order of blocks, and cycles, on random specs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from compiler.analyse.names import order
from compiler.codes import Code
from compiler.diagnostics import Findings

NAMES = [f"b{i}" for i in range(7)]
KINDS = dict.fromkeys(NAMES, "datasets")
NEEDS = st.fixed_dictionaries({name: st.sets(st.sampled_from(NAMES)) for name in NAMES})


def reachable(needs: dict[str, set[str]], start: str) -> set[str]:
    seen: set[str] = set()
    waiting = list(needs[start])
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(needs[name])
    return seen


@given(NEEDS)
def test_blocks_come_behind_what_they_read_and_cycles_are_left_out(
    needs: dict[str, set[str]],
) -> None:
    findings = Findings()
    ordered = order(needs, KINDS, findings)
    looping = {name for name in NAMES if name in reachable(needs, name)}
    behind = {name for name in NAMES if reachable(needs, name) & looping}
    assert set(ordered) == set(NAMES) - looping - behind
    for index, name in enumerate(ordered):
        assert needs[name] <= set(ordered[:index])
    assert bool(looping) == bool(findings.errors)
    assert {found.code for found in findings.errors} <= {Code.CYCLE}


@given(NEEDS)
def test_each_reported_cycle_is_one(needs: dict[str, set[str]]) -> None:
    findings = Findings()
    order(needs, KINDS, findings)
    for found in findings.errors:
        assert found.place is not None
        start = str(found.place.path[-1])
        assert start in reachable(needs, start)


def test_a_chain_of_thousands_needs_no_recursion() -> None:
    names = [f"n{i}" for i in range(5000)]
    needs = {name: {names[i + 1]} if i + 1 < len(names) else set() for i, name in enumerate(names)}
    assert order(needs, dict.fromkeys(names, "datasets"), Findings()) == tuple(reversed(names))
