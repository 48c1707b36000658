"""Ingest, validation and queries of large tables on Ray Data; of a small one they are one Ray task.

What goes by rows is asked of runs of row groups side by side, and what they answer is put
together in their order: the result is the embedded engine's, row for row, on any number of
machines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from backends.duckdb import divided as tables
from backends.duckdb.clean import clean
from backends.duckdb.hashing import needs_key
from backends.duckdb.portions import Portion
from backends.files import divided as files
from backends.files.paths import scheme
from backends.files.read import read_files
from backends.ray import step
from backends.ray.cluster import imported
from compiler.backend import Artifact, Outcome, StepTask, TaskContext
from compiler.codes import Code
from compiler.diagnostics import StackcError
from compiler.engine.tasks import Call
from compiler.graph.operations import Clean, Operation, Query, ReadFiles, Validate

Answered: TypeAlias = Callable[
    [Operation, Mapping[str, Artifact], Sequence[Portion], TaskContext], Outcome
]
"""Has portions answered, and puts the outcome together."""


LARGE = 8
"""A table of so many portions, a million rows, is worth the seconds in which Ray Data begins."""


class Divided(NamedTuple):
    """How an operation is asked of portions, and put together of their answers."""

    portions: Callable[..., list[Portion]]
    together: Callable[..., Outcome]


DIVIDED: Mapping[type[Operation], Divided] = MappingProxyType(
    {
        ReadFiles: Divided(files.read_portions, files.read_together),
        Query: Divided(tables.query_portions, tables.query_together),
        Clean: Divided(tables.query_portions, tables.query_together),
        Validate: Divided(tables.validate_portions, tables.validate_together),
    }
)


def run(operation: Operation, inputs: Mapping[str, Artifact], context: TaskContext) -> Outcome:
    """The embedded backend's outcome.

    Raises:
        StackcError: What the step reports; E711 where a worker died twice; E722.
    """
    # Secrets stay in the process that resolved them: those of a lake, and the key of a hash.
    if isinstance(operation, ReadFiles) and scheme(operation.path) is not None:
        return read_files(operation, inputs, context)
    if isinstance(operation, Clean) and needs_key(operation):
        return clean(operation, inputs, context)
    return divided(operation, inputs, context, _on_ray_data, step.run)


def divided(
    operation: Operation,
    inputs: Mapping[str, Artifact],
    context: TaskContext,
    answered: Answered,
    whole: StepTask,
) -> Outcome:
    """A large step by its portions, a small one or one that will not go by rows as a whole.

    What the data will not do is said by the whole step as well: it knows the row.
    """
    try:
        portions = DIVIDED[type(operation)].portions(operation, inputs, context)
        if len(portions) >= LARGE:
            return answered(operation, inputs, portions, context)
    except StackcError as error:
        if any(found.code is not Code.QUERY_FAILED for found in error.diagnostics):
            raise
    return whole(operation, inputs, context)


def _on_ray_data(
    operation: Operation,
    inputs: Mapping[str, Artifact],
    portions: Sequence[Portion],
    context: TaskContext,
) -> Outcome:
    arguments = (operation, dict(inputs), portions)
    call = Call("backends.ray.tables:together", None, arguments, step.seed_of(context))
    # It waits for others most of the time, and needs no processor.
    outcome: Outcome = step.called(call, context, num_cpus=0)
    return outcome


def together(
    operation: Operation,
    inputs: Mapping[str, Artifact],
    portions: Sequence[Portion],
    context: TaskContext,
) -> Outcome:
    """The outcome, in a process of the cluster."""
    answers = imported("backends.ray.portions").answered(portions, context)
    return DIVIDED[type(operation)].together(operation, inputs, answers, context)
