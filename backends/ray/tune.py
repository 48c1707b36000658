"""The task Tune on Ray Tune: trials side by side in the cluster, by Optuna's search and by ASHA.

The space, the trials and the document are those of the embedded backend's search
(``backends.training.tune``); only what is tried at once is another matter. It is tried in
waves of ``trials`` (a setting): with equal settings equal inputs give equal trials, unless a
timeout cuts them off. With one trial at a time and no scheduler they are those of the embedded
backend.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from backends.ray import RaySettings, environment
from backends.ray.cluster import imported, join
from backends.ray.step import failed, lost, seed_of
from backends.training.space import optuna
from backends.training.trials import Tried, outcome, told
from compiler.backend import Artifact, Outcome, TaskContext
from compiler.graph.documents import Trial
from compiler.graph.operations import Tune

_DIED = "the worker that fitted it died, and the one after it too"
_RETRIES = 1
_LOGGERS = ("ray.tune", "ray.train", "ray.air")


def run(operation: Tune, inputs: Mapping[str, Artifact], context: TaskContext) -> Outcome:
    """Search and write ``tuning``.

    Raises:
        StackcError: The data will not do (E713, E714), no trial can be fitted
            (E713), a framework or Optuna is not installed (E504), or the
            cluster is lost (E722).
    """
    optuna()
    ray = join(context)
    started = time.perf_counter()
    trials = [_tried(trial, context) for trial in _searched(ray, operation, inputs, context)]
    trials.sort(key=lambda entry: entry.trial["number"])
    return outcome(operation, trials, time.perf_counter() - started, context.workdir)


def _searched(
    ray: Any, operation: Tune, inputs: Mapping[str, Artifact], context: TaskContext
) -> Sequence[Any]:
    """The trials as Ray Tune has them, in no order."""
    assert isinstance(context.settings, RaySettings)
    width = context.settings.trials
    cpus = max(1, int(ray.cluster_resources().get("CPU", 1)) // width)
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    # A wave begins as a whole: by default an actor is asked for when the one before it runs.
    environment.take({"TUNE_MAX_PENDING_TRIALS_PG": str(width)})
    tune, waves = imported("ray.tune"), imported("backends.ray.waves")
    seed = replace(seed_of(context), threads=min(cpus, context.threads))
    climber = imported("backends.ray.trial").Climber
    context.progress("reading the matrix")
    work = {"operation": operation, "inputs": dict(inputs), "seed": seed}
    try:
        analysis = tune.run(
            type("Trial", (climber,), work),
            name="tune",
            storage_path=str(context.workdir),
            num_samples=operation.trials,
            search_alg=waves.Waves(operation, width),
            scheduler=waves.scheduler_of(operation, width),
            stop=waves.at_top,
            resources_per_trial={"cpu": cpus},
            max_failures=_RETRIES,
            raise_on_failed_trial=False,
            reuse_actors=True,
            trial_dirname_creator=lambda trial: trial.trial_id,
            callbacks=[
                waves.Telling(lambda number, done: context.progress(told(operation, number, done)))
            ],
            verbose=0,
        )
    except (ray.exceptions.RayError, tune.TuneError) as error:
        raise lost(ray, context.address, error) from None
    found: Sequence[Any] = analysis.trials
    return found


def _tried(trial: Any, context: TaskContext) -> Tried:
    """What became of a trial; one whose worker died failed.

    Raises:
        StackcError: No trial can be made.
    """
    found = imported("backends.ray.trial").said(trial.last_result)
    if found.failure is not None:
        raise failed(found.failure, context)
    if found.tried is not None and (not found.tried.at_rung or trial.status != "ERROR"):
        ended: Tried = found.tried
        return ended
    number, parameters = trial.config["number"], trial.config["parameters"]
    return Tried(
        Trial(
            number=number,
            parameters=parameters,
            value=None,
            status="failed",
            rounds=None,
            seconds=0.0,
        ),
        reason=_DIED,
    )
