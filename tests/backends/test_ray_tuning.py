"""A search on Ray Tune comes to what every search must, and does not depend on who is faster."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from backends.local import BACKEND as LOCAL
from backends.ray import BACKEND
from backends.ray.cluster import Cluster, imported
from backends.training.rung import rung_of
from backends.training.trials import Tried, climb
from compiler.backend import Artifact
from compiler.codes import Code
from compiler.diagnostics import StackcError
from compiler.graph.documents import Trial
from compiler.graph.operations import Dimension, Tune
from compiler.graph.types import Task
from specs.algorithms import ALGORITHMS
from tests.conformance.bench import Bench, parts
from tests.conformance.tuning import RATE, SearchSuite, TrialSuite, settled, tuning
from tests.house.reads import SEEN, noting
from tests.ray_cluster import SMALL, lend

pytestmark = pytest.mark.xdist_group("ray")
PAIRS = [
    pytest.param(algorithm, task, marks=pytest.mark.soak if at else ())
    for at, (algorithm, task) in enumerate(zip(ALGORITHMS, itertools.cycle(Task)))
]
"""Every algorithm and every task; one is always run: the fits are the embedded backend's."""
ASHA = tuning(Task.BINARY, "xgboost", RATE, scheduler="asha", given={"n_estimators": 64})
WIDTH = 3


def in_turn(folder: Path, cluster: Cluster) -> Bench:
    """A bench whose searches have one actor, and its trainings one worker."""
    lend(cluster, folder / ".stackc")
    return Bench(BACKEND, folder, settings=SMALL.model_copy(update={"trials": 1, "workers": 1}))


@pytest.mark.soak  # a trial is measured by the code that measures it without Ray
class TestTrialsOnRayTune(TrialSuite):
    backend = BACKEND

    @pytest.fixture
    def bench(self, tmp_path: Path, ray_cluster: Cluster) -> Bench:
        return in_turn(tmp_path, ray_cluster)


class TestRayTune(SearchSuite):
    """One trial at a time, which takes one actor; waves are looked at below."""

    backend = BACKEND

    @pytest.fixture
    def bench(self, tmp_path: Path, ray_cluster: Cluster) -> Bench:
        return in_turn(tmp_path, ray_cluster)

    @pytest.mark.parametrize(("algorithm", "task"), PAIRS)
    def test_every_algorithm_is_searched_for_every_task(
        self, bench: Bench, algorithm: str, task: Task
    ) -> None:
        super().test_every_algorithm_is_searched_for_every_task(bench, algorithm, task)

    @pytest.mark.parametrize(("search", "scheduler"), [("tpe", "asha")])
    def test_the_same_seed_tries_the_same(self, bench: Bench, search: str, scheduler: str) -> None:
        bench.settings = SMALL.model_copy(update={"trials": WIDTH})
        super().test_the_same_seed_tries_the_same(bench, search, scheduler)

    def test_one_at_a_time_it_is_the_search_of_the_embedded_backend(
        self, bench: Bench, tmp_path: Path
    ) -> None:
        operation = tuning(Task.BINARY, "xgboost", RATE, trials=14)
        (tmp_path / "local").mkdir()
        wanted = self.found(Bench(LOCAL, tmp_path / "local"), operation)
        made = self.found(bench, operation)
        assert settled(made.pop("trials")) == settled(wanted.pop("trials"))
        assert {**made, "seconds": 0} == {**wanted, "seconds": 0}

    def test_a_worker_that_dies_again_fails_its_trial(
        self, bench: Bench, ray_cluster: Cluster
    ) -> None:
        """Killed whenever a trial is about to be fitted, as the system does for its memory."""

        def killed(_text: str) -> None:
            for process in psutil.Process(ray_cluster.pid).children(recursive=True):
                if process.name().startswith("ray::Trial"):
                    os.kill(process.pid, signal.SIGKILL)

        operation = tuning(Task.BINARY, "xgboost", RATE, trials=1, given={"n_estimators": 50_000})
        with pytest.raises(StackcError) as caught:
            bench.run(operation, searchable(bench), progress=killed)
        (found,) = caught.value.diagnostics
        assert found.code is Code.TRAINING_FAILED
        assert "1 of 1 failed" in found.message
        assert found.notes == ("the worker that fitted it died, and the one after it too",)

    def test_a_bug_of_a_trial_is_told_with_what_the_worker_said(self, bench: Bench) -> None:
        with pytest.raises(StackcError) as caught:
            bench.run(replace(ASHA, algorithm="unheard_of"), searchable(bench))
        (found,) = caught.value.diagnostics
        assert found.code is Code.INTERNAL
        assert any("unheard_of" in note for note in found.notes)


def searchable(bench: Bench) -> dict[str, Artifact]:
    """What a search of trees is made on."""
    train, validation = parts(bench, Task.BINARY)
    return {"features": bench.fitted("xgboost", train), "train": train, "validation": validation}


def tried(number: int, parameters: dict[str, Any], status: str) -> dict[str, Any]:
    """A report of a trial that is worth its rate."""
    trial = imported("backends.ray.trial")
    rate = parameters["learning_rate"]
    done = Trial(
        number=number, parameters=parameters, value=rate if status == "done" else None,
        status=status, rounds=None, seconds=0.0,
    )  # fmt: skip
    found = trial.Said(Tried(done, None if status == "failed" else rate))
    return {"training_iteration": 1, **trial.report(found)}


def proposed(operation: Tune, orders: list[list[int]], statuses: list[str]) -> list[Any]:
    """What is proposed when the trials of each wave end in this order."""
    waves = imported("backends.ray.waves").Waves(operation, WIDTH)
    found: list[Any] = []
    for order in orders:
        asked = [waves.suggest(f"{len(found) + at}") for at in range(WIDTH)]
        assert waves.suggest("too early") is None
        for at in order:
            number = asked[at]["number"]
            status = statuses[number % len(statuses)]
            waves.on_trial_complete(f"{number}", tried(**asked[at], status=status))
        found += asked
    return found


ORDERS = st.lists(st.permutations(range(WIDTH)), min_size=6, max_size=6)
STATUSES = st.lists(st.sampled_from(["done", "pruned", "failed"]), min_size=3, max_size=3)


@given(orders=ORDERS, statuses=STATUSES)
@settings(max_examples=15, deadline=None)
def test_what_is_proposed_does_not_depend_on_who_is_faster(
    orders: list[list[int]], statuses: list[str]
) -> None:
    in_order = [list(range(WIDTH))] * len(orders)
    assert proposed(ASHA, orders, statuses) == proposed(ASHA, in_order, statuses)


class Added:
    """A trial as a scheduler sees it."""

    def __init__(self, number: int) -> None:
        self.trial_id = str(number)
        self.config = {"number": number}


def given_up(values: list[float], orders: list[list[int]]) -> set[int]:
    """The trials that a scheduler ends at the rung, when those of a wave come in this order."""
    halving = imported("backends.ray.waves").Halving(ASHA, WIDTH)
    found = set()
    for wave, order in enumerate(orders):
        for at in order:
            trial = Added(wave * WIDTH + at)
            halving.on_trial_add(None, trial)
            report = {"height": 1, "reached": values[wave * WIDTH + at]}
            if halving.on_trial_result(None, trial, report) == "STOP":
                found.add(wave * WIDTH + at)
            else:
                assert halving.on_trial_result(None, trial, {**report, "height": 4}) == "STOP"
    return found


@given(values=st.permutations(range(18)), orders=ORDERS)
@settings(max_examples=30, deadline=None)
def test_who_is_given_up_does_not_depend_on_who_is_faster(
    values: list[float], orders: list[list[int]]
) -> None:
    ended = given_up(values, orders)
    assert ended == given_up(values, [list(range(WIDTH))] * len(orders))
    assert values.index(0) not in ended
    assert not ended & set(range(WIDTH))


def test_every_field_of_a_search_is_read(tmp_path: Path) -> None:
    """How many trials there are is asked of Ray Tune itself: the suite counts them."""
    bench = Bench(LOCAL, tmp_path)
    inputs = searchable(bench)
    trial, waves = imported("backends.ray.trial"), imported("backends.ray.waves")
    with only_seen("Tune", "Dimension") as seen:
        operation = noting(ASHA)
        search, scheduler = waves.Waves(operation, WIDTH), waves.scheduler_of(operation, WIDTH)
        judge = trial.judge(operation, inputs, bench.context())
        first, _ = search.suggest("0"), search.suggest("1")
        reached = [*climb(**first, judge=judge, rung=rung_of(operation))]
    assert isinstance(scheduler, waves.Halving)
    assert [found.trial["status"] for found in reached] == ["pruned", "done"]
    assert {*Tune.__struct_fields__} - seen["Tune"] == {"trials"}
    assert {*Dimension.__struct_fields__} == seen["Dimension"]


@contextmanager
def only_seen(*names: str) -> Iterator[dict[str, set[str]]]:
    """What is read meanwhile; what others noted before is put back."""
    noting(ASHA)
    before = {name: {*SEEN[name]} for name in names}
    for name in names:
        SEEN[name].clear()
    seen: dict[str, set[str]] = {}
    yield seen
    for name in names:
        seen[name] = {*SEEN[name]}
        SEEN[name].clear()
        SEEN[name].update(before[name])
