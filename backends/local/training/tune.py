"""The task Tune: settings of an algorithm are tried in turn, the best on the validation part wins.

``search: tpe`` proposes by tree-structured Parzen estimators (Bergstra et al., "Algorithms for
Hyper-Parameter Optimization", 2011), ``random`` draws from the whole space. ``scheduler: asha``
is asynchronous successive halving (Li et al., "A System for Massively Parallel Hyperparameter
Tuning", 2020) with one rung and one trial at a time: a trial is fitted for a quarter of the rounds,
and goes on to all of them where that is among the best quarter so far; the first always does. To go
on is a fit from the start, as the frameworks have no common way to go on with one. An algorithm
without rounds has no rung, and none of its trials is given up.

A trial is judged as evaluations judge, on the framework's own scores in the precision of the
packaged model; labels are decided at a probability of 0.5, whatever threshold the evaluation has.
One process, one trial after the other, all randomness from the operation's seed: equal inputs give
equal trials, unless a timeout cuts them off.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace

from backends.local.metrics import evaluate
from backends.local.training.prepare import prepared
from backends.local.training.problem import Part, Problem
from backends.local.training.rung import rung_of, shortened
from backends.local.training.search import Search, Suggestion
from backends.local.training.trainers import Trainer, fit, load
from compiler.backend import Artifact, Outcome, TaskContext
from compiler.codes import Code
from compiler.diagnostics import StackcError, fail
from compiler.graph.digest import canonical
from compiler.graph.documents import Trial, Tuning
from compiler.graph.operations import Scalar, Tune
from specs.metrics import METRICS


def run(operation: Tune, inputs: Mapping[str, Artifact], context: TaskContext) -> Outcome:
    """Search and write ``tuning``.

    Raises:
        StackcError: The data will not do (E713, E714), no trial can be fitted
            (E713), or the framework or Optuna is not installed (E504).
    """
    trainer = load(operation.algorithm)
    rung = rung_of(operation)
    search = Search.begin(operation, METRICS[operation.metric].better, rung)
    judge = Judge.of(operation, trainer, prepared(operation, inputs, context))
    started = time.perf_counter()
    trials = _tried(operation, search, judge, rung, context)
    document = _document(operation, trials, judge, time.perf_counter() - started)
    path = _write(document, context.workdir)
    told = {"trials": len(trials), "value": document["value"], "seconds": document["seconds"]}
    return Outcome({"tuning": path}, told)


class Judged(Struct, frozen=True):
    """What a fit is worth, and the rounds it kept."""

    value: float
    rounds: int | None


class Judge(Struct, frozen=True):
    """Fits settings and measures them; a setting that comes again is not fitted again.

    Attributes:
        operation: What is searched.
        trainer: Fits the algorithm.
        problem: What it is fitted on; with a validation part only where early
            stopping watches one.
        validation: What it is judged on.
        known: What was measured, by the parameters as JSON.
        reasons: Why trials failed, in their order.
    """

    operation: Tune
    trainer: Trainer
    problem: Problem
    validation: Part
    known: dict[bytes, Judged] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, operation: Tune, trainer: Trainer, problem: Problem) -> Judge:
        """A judge that has seen nothing."""
        if problem.validation is None:
            raise ValueError("trials are judged on a validation part")
        watched = problem if problem.patience is not None else replace(problem, validation=None)
        return cls(operation, trainer, watched, problem.validation)

    def judged(self, parameters: Mapping[str, Scalar]) -> Judged:
        """Fit and measure.

        Raises:
            StackcError: The fit is refused or diverges, or the metric is not
                defined for what it predicts (E713).
        """
        key = canonical(dict(parameters))
        if key not in self.known:
            self.known[key] = self._measured(parameters)
        return self.known[key]

    def _measured(self, parameters: Mapping[str, Scalar]) -> Judged:
        metric = self.operation.metric
        fitted = fit(self.trainer, self.operation.algorithm, parameters, self.problem)
        with np.errstate(over="ignore"):
            scores = np.asarray(fitted.predict(self.validation.x)).astype(np.float32)
        if not np.isfinite(scores).all():
            raise fail(
                Code.TRAINING_FAILED, "the fit diverged: its predictions are not finite numbers"
            )
        value = evaluate((metric,), self.problem.task.value, self.validation.y, scores)[metric]
        if value is None:
            raise fail(Code.TRAINING_FAILED, f"`{metric}` is undefined on the validation part")
        return Judged(value, fitted.rounds)


def _tried(
    operation: Tune, search: Search, judge: Judge, rung: int | None, context: TaskContext
) -> list[Trial]:
    """Every trial, one after the other, until there are enough or the time is over."""
    trials: list[Trial] = []
    started = time.monotonic()
    for number in range(operation.trials):
        spent = time.monotonic() - started
        if trials and operation.timeout_s is not None and spent >= operation.timeout_s:
            break
        best = _best(operation, trials)
        told = f", best {operation.metric} {best['value']:.4g}" if best else ""
        context.progress(f"trial {number + 1} of {operation.trials}{told}")
        trials.append(_trial(number, search.suggest(), judge, rung))
    return trials


def _trial(number: int, asked: Suggestion, judge: Judge, rung: int | None) -> Trial:
    """One setting, as far as it gets."""
    started = time.perf_counter()
    found: Judged | None = None
    try:
        status, found = _climbed(asked, judge, rung)
    except StackcError as error:
        status = "failed"
        judge.reasons.append(error.diagnostics[0].message)
    done = found is not None and status == "done"
    if found is not None and done:
        asked.done(found.value)
    else:
        asked.ended(status)
    return Trial(
        number=number,
        parameters=asked.parameters,
        value=found.value if found is not None and done else None,
        status=status,
        rounds=found.rounds if found is not None else None,
        seconds=round(time.perf_counter() - started, 6),
    )


def _climbed(asked: Suggestion, judge: Judge, rung: int | None) -> tuple[str, Judged]:
    """Up to the rung, and to the end unless it falls behind; what the last fit was worth."""
    whole = {**dict(judge.operation.parameters), **asked.parameters}
    short = shortened(judge.operation.algorithm, whole, rung)
    if short is not None and rung is not None:
        found = judge.judged(short)
        if asked.falls_behind(found.value, rung):
            return "pruned", found
    return "done", judge.judged(whole)


def _best(operation: Tune, trials: list[Trial]) -> Trial | None:
    """The first of the best."""
    sign = -1 if METRICS[operation.metric].better == "higher" else 1
    done = [(sign * trial["value"], trial) for trial in trials if trial["value"] is not None]
    return min(done, key=lambda entry: entry[0])[1] if done else None


def _document(operation: Tune, trials: list[Trial], judge: Judge, seconds: float) -> Tuning:
    best = _best(operation, trials)
    if best is None or best["value"] is None:
        raise _fruitless(operation, trials, judge)
    return Tuning(
        metric=operation.metric,
        better=METRICS[operation.metric].better,
        best=best["parameters"],
        value=best["value"],
        trials=trials,
        seconds=round(seconds, 6),
    )


def _fruitless(operation: Tune, trials: list[Trial], judge: Judge) -> StackcError:
    failed = sum(trial["status"] == "failed" for trial in trials)
    rest = len(trials) - failed
    behind = f", {rest} fell behind one that failed later" if rest else ""
    return fail(
        Code.TRAINING_FAILED,
        f"no trial of {operation.algorithm} came to an end: {failed} of {len(trials)} failed"
        f"{behind}",
        help="narrow the space to values that the framework takes for these rows and features",
        notes=tuple([*dict.fromkeys(judge.reasons)][:3]),
    )


def _write(document: Tuning, workdir: Path) -> Path:
    path = workdir / "tuning.json"
    path.write_bytes(canonical(json.loads(json.dumps(document))))
    return path
