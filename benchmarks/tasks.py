"""Runs one task of a backend in this process, as the engine would."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from compiler.backend import Artifact, Settings, TaskContext
from compiler.graph.types import Column, DataType, TableType, ValueType

THREADS = 2


@contextmanager
def context(folder: Path) -> Iterator[TaskContext]:
    """A task's surroundings, with an empty scratch folder."""
    with tempfile.TemporaryDirectory(dir=folder) as work:
        yield TaskContext(
            address="benchmark/task",
            key="0" * 64,
            input_keys={},
            observed=None,
            project=folder,
            state=folder,
            workdir=Path(work),
            threads=THREADS,
            memory=4 << 30,
            settings=Settings(),
            secret=lambda text: text,
            progress=_silent,
        )


def _silent(_words: str) -> None:
    """Progress that nobody watches."""


def artifact(path: Path, kind: ValueType) -> Artifact:
    """A file as a task's input."""
    return Artifact(path, "0" * 64, kind)


def table(columns: Mapping[str, str]) -> TableType:
    """A table's type from names and types."""
    return TableType(tuple(Column(name, DataType(kind)) for name, kind in columns.items()))
