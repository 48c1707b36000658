"""A small model of each task with its golden rows, made once a session; used by the suites."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct

from backends.local import BACKEND
from backends.serving.app import Deployed, Limits
from backends.serving.model import ServedModel
from compiler.backend import Artifact
from compiler.graph.documents import GoldenRows
from compiler.graph.operations import Golden, Score
from compiler.graph.types import Task
from tests.conformance.bench import Bench, artifact, document, parts, training


class Made(Struct, frozen=True):
    """A model, the part it is asked with, its golden rows, and what Score says of the part."""

    model: Artifact
    table: Artifact
    golden: Artifact
    scored: pa.Table

    def asked(self) -> GoldenRows:
        """The golden rows."""
        found: GoldenRows = json.loads(self.golden.path.read_bytes())
        return found

    def served(self, **changed: Any) -> Deployed:
        """The model as it is deployed."""
        opened = ServedModel.open(self.model.path, 0.5)
        plain: dict[str, Any] = {"revision": 3, "digest": self.model.digest, "limits": Limits()}
        return Deployed(opened, **{**plain, **changed})


@cache
def made(task: Task, algorithm: str = "linear", rows: int = 20) -> Made:
    """The model of a task."""
    bench = Bench(BACKEND, Path(tempfile.mkdtemp()))
    train, test = parts(bench, task)
    model = bench.model(training(task, algorithm), train).model
    golden = bench.run(Golden(rows=rows), {"model": model, "table": test}).files["golden"]
    scored = bench.run(Score(keep=()), {"model": model, "table": test}).files["table"]
    table = artifact(test.path, test.type)
    return Made(model, table, document(golden, "golden"), pq.read_table(scored))
