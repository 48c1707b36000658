"""Steps asked of portions of their tables, which this process answers one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backends.duckdb import BACKEND as DUCKDB
from backends.duckdb.portions import Portion, answer
from backends.files import BACKEND as FILES
from backends.ray.tables import DIVIDED, divided
from compiler.backend import Artifact, Outcome, TaskContext
from compiler.engine.tasks import load
from compiler.graph.operations import Operation


def run(operation: Operation, inputs: Mapping[str, Artifact], context: TaskContext) -> Outcome:
    """The step by its portions, wherever it has two or more."""
    return divided(operation, inputs, context, _here, whole)


def whole(operation: Operation, inputs: Mapping[str, Artifact], context: TaskContext) -> Outcome:
    """The step of the embedded backend."""
    lowering = {**FILES.lowerings, **DUCKDB.lowerings}[type(operation)]
    outcome: Outcome = load(lowering.target)(operation, inputs, context)
    return outcome


def _here(
    operation: Operation,
    inputs: Mapping[str, Artifact],
    portions: Sequence[Portion],
    context: TaskContext,
) -> Outcome:
    answers = (answer(portion, context) for portion in portions)
    return DIVIDED[type(operation)].together(operation, inputs, answers, context)
