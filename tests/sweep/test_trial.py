"""Trying a sweep: shared work once, what is known never again, and nothing outside is touched."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from compiler.diagnostics import StackcError
from compiler.engine import durable, outbox, state, sweeps
from compiler.engine.gc import collect_garbage
from compiler.engine.plan import Action
from compiler.engine.project import open_project
from tests.engine.support import Told, channel, plan, run, write_numbers
from tests.engine.test_full import Full
from tests.engine.test_killed import fast, killed
from tests.sweep.toys import attempt, kept, look, stack, toy_sweep

__all__ = ["fast"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_numbers(tmp_path / "project")


def ran(told: Told) -> list[str]:
    return sorted(line[1] for line in told.lines if line[::2] == ("started", "run"))


def test_shared_nodes_run_once(root: Path) -> None:
    told = Told()
    tried = attempt(root, toy_sweep(root, [stack(1), stack(2)]), told)
    assert tried.ok
    assert ran(told) == [
        "datasets.plus@1/query",
        "datasets.plus@2/query",
        "models.double@1/train",
        "models.double@2/train",
        "sources.numbers/read",
    ]


def test_the_same_sweep_again_runs_nothing_and_keeps_its_number(root: Path) -> None:
    sweep = toy_sweep(root, [stack(1), stack(2)])
    first = attempt(root, sweep)
    again = attempt(root, sweep)
    assert again.run.status == "nothing"
    assert (again.row.number, again.row.began) == (first.row.number, first.row.began)
    assert again.points == first.points
    assert {change.action for change in look(root, sweep).changes} == {Action.REUSE}


def test_an_extended_sweep_runs_only_what_is_new(root: Path) -> None:
    attempt(root, toy_sweep(root, [stack(1), stack(2)]))
    told = Told()
    wider = attempt(root, toy_sweep(root, [stack(1), stack(2), stack(3)]), told)
    assert ran(told) == ["datasets.plus@3/query", "models.double@3/train"]
    assert wider.row.number == 2


def test_a_sweep_touches_nothing_outside_and_makes_no_plan_stale(root: Path) -> None:
    applied = stack(1, channel())
    run(root, applied)
    before = plan(root, applied)
    mail = (root / "ops.mail").read_bytes()
    effects = (root / "effects.log").read_bytes()
    assert attempt(root, toy_sweep(root, [stack(1, channel()), stack(2, channel())])).ok
    assert plan(root, applied) == before
    assert (root / "ops.mail").read_bytes() == mail
    assert (root / "effects.log").read_bytes() == effects


def test_a_sweep_takes_what_apply_has_made_and_apply_what_a_sweep_has_made(root: Path) -> None:
    run(root, stack(1))
    told = Told()
    attempt(root, toy_sweep(root, [stack(1), stack(2)]), told)
    assert ran(told) == ["datasets.plus@2/query", "models.double@2/train"]
    actions = {change.address: change.action for change in plan(root, stack(2)).changes}
    assert actions["datasets.plus/query"] is Action.REUSE
    assert actions["models.double/train"] is Action.REUSE
    assert actions["models.double/register"] is Action.UPDATE


def test_a_failed_point_stops_no_other(root: Path) -> None:
    tried = attempt(root, toy_sweep(root, [stack(1, mood="gate"), stack(2)]))
    assert not tried.ok
    assert tried.row.status == "failed"
    assert [point.status for point in tried.points] == ["failed", "done"]
    assert tried.points[0].reason == "models.double@1/train: E707 `toy` missed its gates"


def test_what_a_failed_point_shares_is_known_when_it_is_mended(root: Path) -> None:
    attempt(root, toy_sweep(root, [stack(1, mood="gate"), stack(2)]))
    told = Told()
    assert attempt(root, toy_sweep(root, [stack(1), stack(2)]), told).ok
    assert ran(told) == ["models.double@1/train"]


def test_nobody_is_told_of_a_sweep(root: Path) -> None:
    attempt(root, toy_sweep(root, [stack(1, mood="gate"), stack(2)]))
    with open_project(root, write=False) as project:
        assert [*outbox.events(project.state)] == []


def test_a_stored_result_that_is_gone_is_made_again(root: Path) -> None:
    sweep = toy_sweep(root, [stack(1), stack(2)])
    first = attempt(root, sweep)
    shutil.rmtree(root / ".stackc" / "objects")
    again = attempt(root, sweep)
    assert again.ok
    assert [p.keys for p in again.points] == [p.keys for p in first.points]


def test_a_stored_result_that_is_damaged_is_made_again(root: Path) -> None:
    attempt(root, toy_sweep(root, [stack(1)]))
    for stored in (root / ".stackc" / "objects").rglob("*.json"):
        content = stored.read_bytes()
        stored.chmod(0o644)
        stored.write_bytes(bytes(len(content)))
    assert attempt(root, toy_sweep(root, [stack(1), stack(2)])).ok


def test_gc_keeps_what_the_last_sweeps_need(root: Path) -> None:
    sweep = toy_sweep(root, [stack(1), stack(2)])
    attempt(root, sweep)
    with open_project(root, write=True) as project:
        collect_garbage(project, keep_runs=0)
    assert {change.action for change in look(root, sweep).changes} == {Action.REUSE}
    with open_project(root, write=True) as project:
        swept = collect_garbage(project, keep_runs=0, keep_sweeps=0)
        assert sweeps.sweeps(project.state) == ()
    assert swept.results == 5
    assert {change.action for change in look(root, sweep).changes} == {Action.RUN}


def test_a_disk_that_is_full_at_any_point_loses_nothing(fast: Path) -> None:
    here = write_numbers(fast / "here")
    graphs = [stack(1), stack(2)]
    assert attempt(here, toy_sweep(here, graphs)).ok
    expected = kept(here)
    for number in range(1000):
        shutil.rmtree(here)
        write_numbers(here)
        hook = Full(number, 3)
        codes = set()
        with durable.injected(hook):
            try:
                tried = attempt(here, toy_sweep(here, graphs))
                codes = {d.code.value for d in tried.run.diagnostics}
            except StackcError as error:
                codes = {d.code.value for d in error.diagnostics}
        assert codes <= {"E712"}, f"full at point {number}"
        if not hook.met and number > 50:
            break
        assert attempt(here, toy_sweep(here, graphs)).ok
        assert kept(here) == expected, f"full at point {number}"
    assert number > 50


def test_a_state_from_before_there_were_sweeps_is_read_and_then_taken_along(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr(state, "MIGRATIONS", state.MIGRATIONS[:1])
        run(root, stack(1))
    assert kept(root) == {}
    sweep = toy_sweep(root, [stack(1), stack(2)])
    assert [c.address for c in look(root, sweep).changes if c.action is Action.RUN] == [
        "datasets.plus@2/query",
        "models.double@2/train",
    ]
    assert attempt(root, sweep).ok
    assert plan(root, stack(1)).empty


def test_law_4_a_sweep_killed_anywhere_and_resumed_equals_unkilled(fast: Path) -> None:
    here = fast / "here"
    write_numbers(here)
    run(here, stack(1))
    shutil.copytree(here, fast / "start")
    graphs = [stack(1), stack(2), stack(3)]

    def scenario(folder: Path) -> None:
        assert attempt(folder, toy_sweep(folder, graphs)).ok

    scenario(here)
    expected, stored = kept(here), objects(here)
    number = 0
    while True:
        shutil.rmtree(here)
        shutil.copytree(fast / "start", here)
        if not killed(scenario, here, number):
            break
        if number % 3 == 0:
            killed(scenario, here, 3 + number // 3)
        scenario(here)
        assert kept(here) == expected, f"killed at point {number}"
        assert objects(here) == stored, f"killed at point {number}"
        assert plan(here, stack(1)).empty
        number += 1
    assert number > 20


def objects(root: Path) -> list[str]:
    """What lies in the store, and what was left over."""
    with open_project(root, write=False) as project:
        stored = sorted(digest for digest, _ in project.store.objects())
    return [*stored, *sorted(path.name for path in (root / ".stackc" / "tmp").glob("*"))]
