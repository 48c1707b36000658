"""What one worker of a training does: its part of the fit, and what the run keeps on its way."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from backends.ray.cluster import imported
from backends.ray.step import teller
from backends.ray.training.rows import Rows
from backends.training.crew import Crew, Learnt
from backends.training.trainers import module_of

STORY = "story.json"
"""Beside what a framework keeps: the rounds it took, and where it went on before."""


class Job(Struct, frozen=True):
    """A worker's orders, the same for all of them.

    Attributes:
        kind: The kind of algorithm, for its framework.
        algorithm: Its parameters.
        rows: What it learns from.
        threads: How many each worker may use.
        every: Rounds from one checkpoint to the next.
        most: Rounds that the fit takes when it does not stop early.
        told: Where it says how far it is.
    """

    kind: str
    algorithm: Any
    rows: Rows
    threads: int
    every: int
    most: int
    told: Path


class Report(Struct, frozen=True):
    """What the first worker comes back with.

    Attributes:
        learnt: The fit.
        seconds: How long it took since the last time it was begun or went on.
        resumed: The rounds after which it was cut off and went on.
    """

    learnt: Learnt
    seconds: float
    resumed: tuple[int, ...]


def work(config: Mapping[str, Any]) -> Report | None:
    """Fit with the others. Ray Train runs it in every worker of the group."""
    job: Job = config["job"]
    crew = Member(job)
    started = time.perf_counter()
    learnt = module_of(job.kind).learn(job.algorithm, job.rows.opened(job.threads), crew)
    if crew.rank:
        return None
    return Report(learnt, time.perf_counter() - started, crew.resumed)


class Member(Crew):
    """A worker among those of its group."""

    keeps = True

    def __init__(self, job: Job) -> None:
        self._train = imported("ray.train")
        context = self._train.get_context()
        self.rank, self.size = context.get_world_rank(), context.get_world_size()
        if job.kind == "lightgbm":
            self.network = _network()
        self._job, self._tell = job, teller(job.told)
        checkpoint = self._train.get_checkpoint()
        self._kept = None if checkpoint is None else Path(checkpoint.path)
        self.resumed = () if self._kept is None else _resumed(self._kept)

    def kept(self) -> Path | None:
        """The run's last checkpoint."""
        return self._kept

    def keep(self, rounds: int, write: Callable[[Path], None]) -> bool:
        """A checkpoint every so many rounds, written by the first worker; all wait for it."""
        if rounds % self._job.every:
            return False
        if self.rank:
            self._train.report({})
            return True
        self._tell(f"round {rounds:,} of {self._job.most:,}, {self.size} workers")
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder))
            story = {"rounds": rounds, "resumed": list(self.resumed)}
            (Path(folder) / STORY).write_text(json.dumps(story))
            checkpoint = self._train.Checkpoint.from_directory(folder)
            self._train.report({"rounds": rounds}, checkpoint=checkpoint)
        return True


def _network() -> Mapping[str, Any]:
    """What makes LightGBM train with the others: each has rows of its own."""
    found = imported("ray.train.lightgbm").get_network_params()
    return {**found, "tree_learner": "data", "pre_partition": True}


def _resumed(kept: Path) -> tuple[int, ...]:
    story = json.loads((kept / STORY).read_bytes())
    return (*story["resumed"], story["rounds"])
