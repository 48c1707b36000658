"""The task Tune: settings of an algorithm are tried in turn, the best on the validation part wins.

``search: tpe`` proposes by tree-structured Parzen estimators (Bergstra et al., "Algorithms for
Hyper-Parameter Optimization", 2011), ``random`` draws from the whole space. ``scheduler: asha``
is asynchronous successive halving (Li et al., "A System for Massively Parallel Hyperparameter
Tuning", 2020) with one rung and one trial at a time: a trial is fitted for a quarter of the rounds,
and goes on to all of them where that is among the best quarter so far; the first always does. To go
on is a fit from the start, as the frameworks have no common way to go on with one. An algorithm
without rounds has no rung, and none of its trials is given up.

One process, one trial after the other, all randomness from the operation's seed: equal inputs give
equal trials, unless a timeout cuts them off.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from backends.training.judge import Judge
from backends.training.prepare import prepared
from backends.training.rung import rung_of
from backends.training.search import Search, Suggestion
from backends.training.trainers import load
from backends.training.trials import Tried, climb, outcome, told
from compiler.backend import Artifact, Outcome, TaskContext
from compiler.graph.operations import Tune
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
    return outcome(operation, trials, time.perf_counter() - started, context.workdir)


def _tried(
    operation: Tune, search: Search, judge: Judge, rung: int | None, context: TaskContext
) -> list[Tried]:
    """Every trial, one after the other, until there are enough or the time is over."""
    trials: list[Tried] = []
    started = time.monotonic()
    for number in range(operation.trials):
        spent = time.monotonic() - started
        if trials and operation.timeout_s is not None and spent >= operation.timeout_s:
            break
        context.progress(told(operation, number, trials))
        asked = search.suggest()
        trials.append(_trial(number, asked, judge, rung))
    return trials


def _trial(number: int, asked: Suggestion, judge: Judge, rung: int | None) -> Tried:
    """One setting, as far as it gets; the search hears of it."""
    steps = climb(number, asked.parameters, judge, rung)
    found = next(steps)
    if found.at_rung and not _falls_behind(asked, found, rung):
        found = next(steps)
    if found.trial["value"] is not None:
        asked.done(found.trial["value"])
    else:
        asked.ended(found.trial["status"])
    return found


def _falls_behind(asked: Suggestion, found: Tried, rung: int | None) -> bool:
    assert rung is not None and found.reached is not None
    return asked.falls_behind(found.reached, rung)
