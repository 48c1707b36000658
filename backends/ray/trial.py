"""A trial of a search as an actor of the cluster, and what Ray Tune is told of it.

This module imports Ray Tune: it is imported once its process has joined a cluster.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct
from ray.tune import Trainable

from backends.ray.step import executed
from backends.training.judge import Judge
from backends.training.prepare import prepared
from backends.training.rung import REDUCTION, rung_of
from backends.training.trainers import load
from backends.training.trials import Tried, climb
from compiler.backend import Artifact, TaskContext
from compiler.engine.tasks import Call, Failure, Seed, unexpected
from compiler.graph.operations import Tune

HEIGHT = "height"
"""How far a trial is when it reports: ``LOW`` at the rung, ``TOP`` at its end."""
LOW, TOP = 1, REDUCTION
VALUE = "reached"
_SAID = "said"


class Said(Struct, frozen=True):
    """What a trial reports: how far it is, or why no trial at all can be made."""

    tried: Tried | None = None
    failure: Failure | None = None


def said(result: Mapping[str, Any] | None) -> Said:
    """What a report holds; nothing where a trial ended without one."""
    text = (result or {}).get(_SAID)
    return msgspec.json.decode(text, type=Said) if text is not None else Said()


def report(found: Said) -> dict[str, Any]:
    """What the search and the scheduler read, and what ``said`` reads again."""
    tried = found.tried
    return {
        HEIGHT: LOW if tried is not None and tried.at_rung else TOP,
        VALUE: float("nan") if tried is None or tried.reached is None else tried.reached,
        _SAID: msgspec.json.encode(found).decode(),
    }


class Climber(Trainable):
    """Makes trials, one after the other, of the search that a subclass names.

    A step takes a trial to its rung, or from there to its end; the matrix is
    read once and serves every trial that this actor is given.
    """

    operation: Tune
    inputs: Mapping[str, Artifact]
    seed: Seed

    def setup(self, config: dict[str, Any]) -> None:
        """Read the matrix, and take the first trial."""
        call = Call(f"{__name__}:judge", None, (self.operation, dict(self.inputs)), self.seed)
        self._judge: Judge | Failure = executed(call)
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take another trial."""
        self._trial = new_config
        self._steps: Iterator[Tried] | None = None
        return True

    def step(self) -> dict[str, Any]:
        """As far as the trial gets until it can be told whether it falls behind."""
        return report(self._climbed())

    def _climbed(self) -> Said:
        if isinstance(self._judge, Failure):
            return Said(failure=self._judge)
        try:
            if self._steps is None:
                number, parameters = self._trial["number"], self._trial["parameters"]
                self._steps = climb(number, parameters, self._judge, rung_of(self.operation))
            return Said(next(self._steps))
        except Exception as error:  # a bug of ours is told as one, whatever Ray makes of it
            return Said(failure=unexpected(error))


def judge(operation: Tune, inputs: Mapping[str, Artifact], context: TaskContext) -> Judge:
    """What measures the search's settings.

    Raises:
        StackcError: The data will not do (E713, E714), or the framework is
            not installed (E504).
    """
    trainer = load(operation.algorithm)
    return Judge.of(operation, trainer, prepared(operation, inputs, context))
