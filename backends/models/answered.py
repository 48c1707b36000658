"""Answers that were kept, as files: how they are read again, whoever gave them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct

from compiler.graph.types import Task

KEY, CODE, SAID, SCORES = "key_", "code", "said", "scores"
"""Columns: ``key_0``… by place in the key; the class's code, or the number; all probabilities."""


class Said(Struct, frozen=True):
    """What the columns of a file of answers mean; ``left_out`` answers are not in it."""

    key: tuple[str, ...]
    task: Task
    classes: tuple[Any, ...]
    left_out: int


class Kept(Struct, frozen=True):
    """One file of answers."""

    path: Path
    said: Said
    rows: int
    scores: bool


def kept(folder: Path) -> Iterator[Kept]:
    """The files of a window's answers; what cannot be read is as if never written."""
    for path in sorted(folder.glob("*.parquet")):
        try:
            with pq.ParquetFile(path) as file:
                told = (file.schema_arrow.metadata or {})[b"stackc"]
                said = msgspec.json.decode(told, type=Said)
                scores = SCORES in file.schema_arrow.names
                yield Kept(path, said, file.metadata.num_rows, scores)
        except (OSError, KeyError, pa.ArrowException, msgspec.MsgspecError):
            continue
