"""Ray Train: a fit divided among workers, its checkpoints, and what happens when a worker dies."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
from msgspec.structs import replace

from backends.local import BACKEND as LOCAL
from backends.ray import BACKEND, RaySettings
from backends.ray.cluster import Cluster
from backends.ray.training.group import runs_of
from compiler.backend import Artifact, Outcome
from compiler.graph.operations import Operation, Train, params
from compiler.graph.types import Task
from tests.conformance.bench import Bench, parts, training
from tests.conformance.training import TrainingSuite
from tests.ray_cluster import SMALL, lend, unfinished

pytestmark = pytest.mark.xdist_group("ray")
LONG: Mapping[str, Mapping[str, Any]] = {
    "xgboost": {"n_estimators": 800, "max_depth": 3, "learning_rate": 0.01, "subsample": 0.8},
    "torch_mlp": {"max_epochs": 120, "hidden_layers": (12,), "batch_size": 32},
}
"""Fits that take some seconds, with something drawn in every round."""


@dataclass(slots=True)
class TrainBench(Bench):
    """Trainings on Ray, the rest here; what was trained once is not trained again.

    A group of workers takes seconds to start, and a step is a pure function.
    """

    trained: dict[tuple[Any, ...], Outcome] = field(default_factory=dict)

    def run(self, operation: Operation, inputs: Mapping[str, Artifact], **changed: Any) -> Outcome:
        """A step's outcome."""
        digests = tuple((name, entry.digest) for name, entry in sorted(inputs.items()))
        key = (operation, digests, self.threads)
        if key not in self.trained:
            self.backend = BACKEND if isinstance(operation, Train) else LOCAL
            self.trained[key] = super(TrainBench, self).run(operation, inputs, **changed)
        return self.trained[key]


TRAINED: dict[tuple[Any, ...], Outcome] = {}


@pytest.fixture
def bench(tmp_path: Path, ray_cluster: Cluster) -> TrainBench:
    lend(ray_cluster, tmp_path / ".stackc")
    return TrainBench(BACKEND, tmp_path, settings=SMALL)


LEARNED = [
    ("lightgbm", Task.REGRESSION),
    ("torch_mlp", Task.MULTICLASS),
    ("linear", Task.BINARY),
]
"""XGBoost learns below, where a worker is killed."""


@pytest.mark.soak  # a group of workers takes seconds to start
class TestRay(TrainingSuite):
    """Each kind of algorithm on each task once; what a group has no part in, here and there."""

    backend = BACKEND

    @pytest.fixture
    def bench(self, tmp_path: Path, ray_cluster: Cluster) -> TrainBench:
        lend(ray_cluster, tmp_path / ".stackc")
        return TrainBench(BACKEND, tmp_path, settings=SMALL, trained=TRAINED)

    @pytest.mark.parametrize("algorithm", ["linear", "lightgbm"])
    def test_the_same_rows_and_seed_give_the_same_bytes(self, bench: Bench, algorithm: str) -> None:
        """The others are held to it where a worker is killed."""
        super().test_the_same_rows_and_seed_give_the_same_bytes(bench, algorithm)

    @pytest.mark.parametrize(
        ("algorithm", "task"),
        [
            ("xgboost", Task.BINARY),
            ("lightgbm", Task.MULTICLASS),
            ("torch_mlp", Task.REGRESSION),
            ("mlp", Task.BINARY),
        ],
    )
    def test_early_stopping_watches_the_validation_part(
        self, bench: Bench, algorithm: str, task: Task
    ) -> None:
        super().test_early_stopping_watches_the_validation_part(bench, algorithm, task)


@pytest.mark.parametrize(("algorithm", "task"), LEARNED)
def test_every_kind_of_algorithm_learns(bench: Bench, algorithm: str, task: Task) -> None:
    """The slice of the suite that is always run."""
    TestRay().test_every_algorithm_learns_every_task(bench, algorithm, task)


def long(kind: str) -> Train:
    """The operation of a long fit."""
    plain = training(Task.BINARY, kind)
    return replace(plain, parameters=params({**dict(plain.parameters), **LONG[kind]}))


def kill_in_the_middle(bench: Bench, cluster: Cluster, title: str) -> threading.Thread:
    """Kill a process of the cluster once there is a checkpoint."""

    def kill() -> None:
        until = time.monotonic() + 120
        while not unfinished(bench.folder) and time.monotonic() < until:
            time.sleep(0.02)
        for process in psutil.Process(cluster.pid).children(recursive=True):
            if any(title in part for part in process.cmdline()):
                os.kill(process.pid, signal.SIGKILL)
                return

    thread = threading.Thread(target=kill)
    thread.start()
    return thread


def outcome(bench: Bench, operation: Train) -> Outcome:
    """Of a training on two thirds of the real rows, watched on the rest."""
    train, test = parts(bench, operation.task)
    fitted = bench.fitted(operation.algorithm, train)
    return bench.run(operation, {"features": fitted, "train": train, "validation": test})


@pytest.mark.parametrize("kind", ["xgboost", pytest.param("torch_mlp", marks=pytest.mark.soak)])
def test_a_killed_worker_changes_nothing_in_the_model(
    bench: TrainBench, ray_cluster: Cluster, kind: str
) -> None:
    """The group is put up again and goes on from the last checkpoint, to the same bytes."""
    whole = outcome(bench, long(kind))
    bench.trained.clear()
    assert "resumed_after_rounds" not in whole.summary
    assert whole.summary["workers"] == 2
    killer = kill_in_the_middle(bench, ray_cluster, "RayTrainWorker")
    cut = outcome(bench, long(kind))
    killer.join()
    (rounds,) = cut.summary["resumed_after_rounds"]
    assert 0 < rounds < cut.summary["rounds"]
    assert cut.files["estimator"].read_bytes() == whole.files["estimator"].read_bytes()
    assert not unfinished(bench.folder)


def test_by_default_one_process_trains_on_the_projects_own_cluster(bench: Bench) -> None:
    """Nothing listens on other addresses than the machine's own unless it is asked to."""
    bench.settings = RaySettings(cpus=2, memory_mb=120)
    made = outcome(bench, training(Task.BINARY, "xgboost"))
    assert "workers" not in made.summary
    assert made.summary["rounds"] == 15


SNAPSHOT = "checkpoint_manager_snapshot.json"


def test_a_run_is_gone_on_with_where_its_state_is_whole(tmp_path: Path) -> None:
    """Ray writes it in place: who is killed meanwhile leaves half of it."""
    bench = Bench(BACKEND, tmp_path, settings=SMALL)
    runs = tmp_path / ".stackc/ray/training/models.m.step"
    told = {"checkpoint_results": [{"checkpoint_dir_name": "checkpoint_1"}]}
    whole = {SNAPSHOT: json.dumps(told), "checkpoint_1/story.json": "{}"}
    left = {
        "key-2": whole,
        "key-3": {SNAPSHOT: '{"ray_version": '},
        "key-4": {SNAPSHOT: json.dumps(told)},
        "key-5": {},
        "another-2": whole,
    }
    for run, files in left.items():
        (runs / run).mkdir(parents=True)
        for name, text in files.items():
            (runs / run / name).parent.mkdir(exist_ok=True)
            (runs / run / name).write_text(text)
    assert runs_of(bench.context()) == runs
    assert [folder.name for folder in runs.iterdir()] == ["key-2"]


@pytest.mark.soak
def test_a_half_written_state_of_a_run_is_begun_anew(bench: Bench) -> None:
    folder = bench.folder / ".stackc/ray/training/models.m.step/key-2"
    folder.mkdir(parents=True)
    (folder / "checkpoint_manager_snapshot.json").write_text('{"ray_version": ')
    made = outcome(bench, training(Task.BINARY, "xgboost"))
    assert made.summary["rounds"] == 15
    assert not folder.parent.exists()
