"""A search in waves: so many trials side by side, and the next ones when all of them have ended.

What is proposed, and what is given up, follows from the waves before: which trial of a wave is
faster than another does not matter, and equal searches try equal settings on any cluster.

This module imports Ray Tune: it is imported once its process has joined a cluster.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from ray.tune import Callback
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler
from ray.tune.search import Searcher
from ray.tune.search.optuna import OptunaSearch

from backends.ray.trial import HEIGHT, LOW, TOP, VALUE, said
from backends.training.rung import REDUCTION, rung_of
from backends.training.space import decoded, distributions, own, sampler
from backends.training.trials import Tried
from compiler.graph.operations import Tune
from specs.metrics import METRICS


class Waves(OptunaSearch):
    """OptunaSearch over the space that every backend searches.

    The study hears of the trials of a wave in the order of their numbers.
    """

    def __init__(self, operation: Tune, width: int) -> None:
        first = own(operation)
        super().__init__(
            distributions(operation),
            metric=VALUE,
            mode=_mode(operation),
            sampler=sampler(operation),
            points_to_evaluate=[first] if first is not None else None,
        )
        self._operation = operation
        self._width = width
        self._begun = 0
        self._started = time.monotonic()
        self._impossible = False
        self._rungs: dict[str, dict[str, Any]] = {}
        self._wave: dict[str, dict[str, Any] | None] = {}

    def suggest(self, trial_id: str) -> Any:
        """The next setting; None while the wave is full, and ``FINISHED`` when no other begins."""
        if self._impossible or (self._begun and self._late()):
            return Searcher.FINISHED
        if len(self._wave) == self._width:
            if None in self._wave.values():
                return None
            self._tell()
        found: Any = super().suggest(trial_id)
        self._wave[trial_id] = None
        self._begun += 1
        return {"number": self._begun - 1, "parameters": decoded(self._operation, found)}

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """It is at the rung, and goes on."""
        self._rungs[trial_id] = result

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """It ended: at its end, given up at the rung, or with its worker."""
        self._wave[trial_id] = {} if error else result or {}
        self._impossible |= said(result).failure is not None

    def _late(self) -> bool:
        limit = self._operation.timeout_s
        return limit is not None and time.monotonic() - self._started >= limit

    def _tell(self) -> None:
        for trial_id, result in self._wave.items():
            tried = said(result).tried
            at_rung = result if tried is not None and tried.at_rung else self._rungs.get(trial_id)
            if at_rung is not None:
                super().on_trial_result(trial_id, at_rung)
            failed = tried is None or tried.trial["status"] == "failed"
            done = tried is not None and tried.trial["status"] == "done"
            super().on_trial_complete(trial_id, result if done else None, error=failed)
        self._wave.clear()


class Halving(FIFOScheduler):
    """ASHA that holds a trial against those of the waves before its own."""

    def __init__(self, operation: Tune, width: int) -> None:
        FIFOScheduler.__init__(self)  # type: ignore[no-untyped-call]
        self._asha = ASHAScheduler(
            time_attr=HEIGHT,
            metric=VALUE,
            mode=_mode(operation),
            grace_period=LOW,
            max_t=TOP,
            reduction_factor=REDUCTION,
        )
        self._width = width
        self._heard: dict[int, tuple[Any, dict[str, Any]]] = {}

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        """It begins."""
        self._asha.on_trial_add(tune_controller, trial)

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Whether it goes on."""
        number = trial.config["number"]
        before = number - number % self._width
        for earlier in sorted(entry for entry in self._heard if entry < before):
            self._asha.on_trial_result(tune_controller, *self._heard.pop(earlier))
        if result[HEIGHT] < TOP:
            self._heard[number] = (trial, result)
        return str(deepcopy(self._asha).on_trial_result(tune_controller, trial, result))


def scheduler_of(operation: Tune, width: int) -> Any:
    """What gives trials up; one that never does where the search has no rung."""
    if rung_of(operation) is None:
        return FIFOScheduler()  # type: ignore[no-untyped-call]
    return Halving(operation, width)


def at_top(_trial_id: str, result: dict[str, Any]) -> bool:
    """Whether a trial is at its end."""
    return bool(result[HEIGHT] >= TOP)


class Telling(Callback):
    """Says that a trial begins: its number, and what ended before it."""

    def __init__(self, tell: Callable[[int, list[Tried]], None]) -> None:
        self._tell = tell

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """It begins."""
        del iteration, info
        heard = [said(other.last_result).tried for other in trials if other is not trial]
        self._tell(trial.config["number"], [one for one in heard if one is not None])


def _mode(operation: Tune) -> str:
    return "max" if METRICS[operation.metric].better == "higher" else "min"
