"""The task Train on Ray: one fit divided among workers, where its framework knows how.

The others, and a training with one worker, are one task of the cluster. Data is prepared, and
the model packaged and compared, as it is without Ray.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from backends.models.target import MIN_ROWS
from backends.ray import RaySettings, step
from backends.ray.training.group import fitted_by
from backends.ray.training.rows import Rows
from backends.ray.training.worker import Job
from backends.training.problem import Fitted, Problem
from backends.training.rung import ROUNDS
from backends.training.train import trained
from backends.training.trainers import module_of
from compiler.backend import Artifact, Outcome, TaskContext
from compiler.engine.tasks import Call
from compiler.graph.operations import Train

CONFIGS: Mapping[str, str] = MappingProxyType(
    {
        "xgboost": "ray.train.xgboost:XGBoostConfig",
        "lightgbm": "ray.train.lightgbm:LightGBMConfig",
        "torch_mlp": "ray.train.torch:TorchConfig",
    }
)
"""The algorithms that several workers fit together, and how Ray connects those."""

_CHECKPOINTS = 20
"""So many in a long fit."""
_LEAST_ROUNDS = 5
"""Rounds from one checkpoint to the next, at least."""


def run(operation: Train, inputs: Mapping[str, Artifact], context: TaskContext) -> Outcome:
    """Train. Outputs ``estimator`` and ``training``.

    Raises:
        StackcError: As the embedded trainer; E711 where workers died too often; E722.
    """
    settings = context.settings
    assert isinstance(settings, RaySettings)
    # On one machine, threads of one process are faster; and the frameworks' workers listen for
    # each other on every address of the machine, which is nobody's default here.
    workers = settings.workers or (1 if settings.address is None else 2)
    if workers == 1 or operation.algorithm not in CONFIGS:
        return step.run(operation, inputs, context)
    arguments = (operation, dict(inputs), workers)
    call = Call("backends.ray.train:together", None, arguments, step.seed_of(context))
    # It waits for its workers, and needs no processor.
    outcome: Outcome = step.called(call, context, num_cpus=0)
    return outcome


def together(
    operation: Train, inputs: Mapping[str, Artifact], workers: int, context: TaskContext
) -> Outcome:
    """The same, in a process of the cluster."""
    fit = partial(_fitted, kind=operation.algorithm, workers=workers, context=context)
    return trained(operation, inputs, context, fit)


def _fitted(
    algorithm: Any, problem: Problem, *, kind: str, workers: int, context: TaskContext
) -> Fitted:
    module = module_of(kind)
    size = min(workers, max(1, len(problem.train.y) // MIN_ROWS))
    most = int(getattr(algorithm, ROUNDS[kind]))
    job = Job(
        kind=kind,
        algorithm=algorithm,
        rows=Rows.written(problem, context.workdir / "rows"),
        threads=max(1, problem.threads // size),
        every=max(_LEAST_ROUNDS, most // _CHECKPOINTS),
        most=most,
        # Where the progress of the whole task is looked for.
        told=context.workdir.parent,
    )
    report = fitted_by(size, job, CONFIGS[kind], context)
    found: Fitted = module.fitted(report.learnt, problem, report.seconds)
    return replace(found, workers=size, resumed=report.resumed)
