"""Tables and tasks for tests of backends: real Parquet files, calls by the lowering tables."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from msgspec.structs import replace

from backends.duckdb.types import to_arrow
from backends.files import FilesSettings
from compiler.backend import Artifact, Backend, Look, Outcome, Settings, TaskContext
from compiler.engine.secrets import Secrets
from compiler.graph.operations import Operation
from compiler.graph.types import Column, DataType, TableType

Rows = list[dict[str, Any]]


def columns(**types: str) -> tuple[Column, ...]:
    """Columns by name; ``int64!`` may not be null, ``string#pii`` carries a tag."""
    found = []
    for name, text in types.items():
        kind, *tags = text.split("#")
        found.append(Column(name, DataType(kind.rstrip("!")), not kind.endswith("!"), tuple(tags)))
    return tuple(found)


def table(
    path: Path, rows: Iterable[Mapping[str, Any]], group: int | None = None, **types: str
) -> Artifact:
    """A table of these rows as a stored Parquet file, ``group`` of them in each row group."""
    made = columns(**types)
    schema = pa.schema([pa.field(c.name, to_arrow(c.type)) for c in made])
    path.parent.mkdir(parents=True, exist_ok=True)
    made_of = pa.Table.from_pylist([dict(row) for row in rows], schema=schema)
    pq.write_table(made_of, path, row_group_size=group)
    return Artifact(path, digest_of(path), TableType(made))


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def rows_of(path: Path) -> Rows:
    """A Parquet file's rows in order."""
    return [dict(row) for row in pq.read_table(path).to_pylist()]


def document(path: Path) -> Any:
    """A JSON document."""
    return json.loads(path.read_bytes())


def context(folder: Path, **changes: Any) -> TaskContext:
    """A task's context with a fresh workdir below the folder."""
    runs = folder / "runs"
    runs.mkdir(exist_ok=True, parents=True)
    workdir = runs / str(len(list(runs.iterdir())))
    workdir.mkdir()

    def plain(text: str) -> str:
        return text

    made = TaskContext(
        address="datasets.t/step", key="key", input_keys={}, observed=None,
        project=folder, state=folder / ".stackc", workdir=workdir, threads=2,
        memory=512 << 20, settings=Settings(), secret=plain, progress=lambda _: None,
    )  # fmt: skip
    return replace(made, **changes)


def look_at(folder: Path) -> Look:
    """What a look at sources in a folder may use."""
    return Look(folder, FilesSettings(), Secrets(folder).resolve)


def run_step(
    backend: Backend, operation: Operation, inputs: Mapping[str, Artifact], task: TaskContext
) -> Outcome:
    """Run a step as the engine would: by the backend's own table."""
    module, name = backend.lowerings[type(operation)].target.split(":")
    function: Callable[..., Outcome] = getattr(import_module(module), name)
    return function(operation, inputs, task)
