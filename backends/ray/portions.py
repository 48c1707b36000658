"""Portions of tables answered on Ray Data: one read task each, streamed in their order.

This module imports Ray Data: it is imported in a process of a cluster.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import pyarrow as pa
from msgspec.structs import replace
from ray.data import DataContext, Datasource, ReadTask, read_datasource
from ray.data.block import BlockMetadata
from ray.exceptions import RayError

from backends.duckdb.portions import Portion
from backends.ray.step import executed, seed_of
from compiler.backend import TaskContext
from compiler.codes import Code
from compiler.diagnostics import StackcError, fail
from compiler.engine.tasks import Call, Failure, Seed

_LEAST_MEMORY = 128 << 20


class Portions(Datasource):
    """A block for each portion: what it answers."""

    def __init__(self, portions: Sequence[Portion], seed: Seed) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._portions = portions
        self._seed = seed

    def estimate_inmemory_data_size(self) -> int | None:
        """Nobody knows before they are answered."""
        return None

    def get_read_tasks(
        self,
        parallelism: int,  # noqa: ARG002 (Ray's own signature)
        per_task_row_limit: int | None = None,  # noqa: ARG002
        data_context: DataContext | None = None,  # noqa: ARG002
    ) -> list[ReadTask]:
        """One for each portion, in order."""
        unknown = BlockMetadata(None, None, None)
        return [ReadTask(partial(_block, entry, self._seed), unknown) for entry in self._portions]


def answered(portions: Sequence[Portion], context: TaskContext) -> Iterator[pa.Table]:
    """What the portions answer, in their order; those without rows may be left out.

    Raises:
        StackcError: What a portion reports; E722 where the cluster cannot answer them.
    """
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    settings = DataContext.get_current()
    settings.enable_progress_bars = False
    settings.execution_options.preserve_order = True
    share = max(_LEAST_MEMORY, context.memory // max(1, context.threads))
    seed = replace(seed_of(context), threads=1, memory=share)
    source = Portions(portions, seed)
    blocks = read_datasource(source, num_cpus=1, override_num_blocks=len(portions))
    try:
        batches = blocks.iter_batches(batch_size=None, batch_format="pyarrow")
        for at, table in enumerate(batches, 1):
            context.progress(f"{min(at, len(portions))} of {len(portions)} parts")
            yield table
    except RayError as error:
        raise _reported(error, context) from None


def _block(portion: Portion, seed: Seed) -> Iterator[Any]:
    found = executed(Call("backends.duckdb.portions:answer", None, (portion,), seed))
    if isinstance(found, Failure):
        raise StackcError(*found.diagnostics) if found.diagnostics else RuntimeError(found.trace)
    yield found


def _reported(error: RayError, context: TaskContext) -> StackcError:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, StackcError):
            return StackcError(*cause.diagnostics)
        cause = getattr(cause, "cause", None) or cause.__cause__
    return fail(Code.CLUSTER, f"the cluster could not run `{context.address}`: {error}"[:600])
