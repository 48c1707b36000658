"""Runs single operations of a backend as the engine does, on real rows; used by the suites."""

from __future__ import annotations

import dataclasses
import importlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec.structs import replace
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

from compiler.backend import Applied, Artifact, Backend, Lowering, Outcome, Settings, TaskContext
from compiler.engine.project import state_folder
from compiler.engine.secrets import Secrets
from compiler.graph.operations import (
    Evaluate,
    FeatureSpec,
    FitFeatures,
    Operation,
    Package,
    Train,
    params,
)
from compiler.graph.types import (
    Column,
    DataType,
    DocumentType,
    EstimatorType,
    FeaturesType,
    ModelType,
    TableType,
    Task,
    ValueType,
)
from specs.algorithms import TRAITS, algorithm_of, parameters_of

SMALL: dict[str, dict[str, Any]] = {
    "random_forest": {"n_estimators": 10},
    "hist_gradient_boosting": {"n_estimators": 15},
    "mlp": {"max_epochs": 30, "hidden_layers": (12,), "learning_rate": 0.02},
    "torch_mlp": {"max_epochs": 30, "hidden_layers": (12,), "learning_rate": 0.02},
    "xgboost": {"n_estimators": 15, "max_depth": 3, "learning_rate": 0.1},
    "lightgbm": {"n_estimators": 15},
}
GOOD = {
    Task.BINARY: ("roc_auc", 0.9),
    Task.MULTICLASS: ("accuracy", 0.7),
    Task.REGRESSION: ("r2", 0.1),
}
TARGETS = {
    Task.BINARY: Column("malignant", DataType("bool"), False),
    Task.MULTICLASS: Column("cultivar", DataType("string"), False),
    Task.REGRESSION: Column("progression", DataType("float64"), False),
}


_ONE_AT_A_TIME = Lock()


@cache
def real(task: Task) -> pa.Table:
    """Six measurements, one with nulls, a text made of another, and the target."""
    loads = {
        Task.BINARY: load_breast_cancer,
        Task.MULTICLASS: load_wine,
        Task.REGRESSION: load_diabetes,
    }
    x, y = loads[task](return_X_y=True)
    order = np.random.default_rng(1).permutation(len(x))
    x, y = x[order], y[order]
    columns = {f"x{at}": pa.array(x[:, at]) for at in range(6)}
    columns["x5"] = pa.array(x[:, 5], mask=np.arange(len(x)) % 11 == 0)
    size = np.digitize(x[:, 0], np.quantile(x[:, 0], [0.3, 0.7]))
    columns["size"] = pa.array([["small", "medium", "large"][at] for at in size])
    made = {
        Task.BINARY: pa.array(y == 0),
        Task.MULTICLASS: pa.array([["barolo", "grignolino", "barbera"][int(v) % 3] for v in y]),
        Task.REGRESSION: pa.array(y),
    }
    columns[TARGETS[task].name] = made[task]
    return pa.table(columns)


REQUEST = (
    *(Column(f"x{at}", DataType("float64"), at == 5) for at in range(6)),
    Column("size", DataType("string"), False),
)


def features(algorithm: str) -> tuple[FeatureSpec, ...]:
    """The columns as features, prepared as the algorithm needs them."""
    traits = TRAITS[algorithm]
    numbers = tuple(
        FeatureSpec(
            f"x{at}",
            f"x{at}",
            impute="none" if traits.missing else "median",
            scale="standard" if traits.scaling else "none",
        )
        for at in range(6)
    )
    return (*numbers, FeatureSpec("size", "size", encode="one_hot"))


@dataclass(slots=True)
class Bench:
    """Runs single operations of a backend in folders of their own, as the engine does."""

    backend: Backend
    folder: Path
    threads: int = 2
    settings: Settings = field(default_factory=Settings)
    count: int = 0
    environment: str | None = None

    def beside(self, environment: str) -> Bench:
        """The same project in one of its environments."""
        return dataclasses.replace(self, environment=environment, count=self.count + 1000)

    def number(self) -> int:
        """One that no other folder or table of this bench has, whichever thread asks."""
        with _ONE_AT_A_TIME:
            self.count += 1
            return self.count

    def context(self, **changed: Any) -> TaskContext:
        """A fresh context; input keys are the digests where a test does not say."""
        workdir = self.folder / f"work{self.number()}"
        workdir.mkdir()
        plain = TaskContext(
            address="models.m/step",
            key="key",
            input_keys={},
            observed=None,
            project=self.folder,
            state=state_folder(self.folder, self.environment),
            workdir=workdir,
            threads=self.threads,
            memory=1 << 30,
            settings=self.settings,
            secret=Secrets(self.folder).resolve,
            progress=lambda text: None,
        )
        return replace(plain, **changed)

    def table(self, rows: pa.Table, group: int | None = None) -> Artifact:
        """Rows as a stored table."""
        path = self.folder / f"table{self.number()}.parquet"
        pq.write_table(rows, path, row_group_size=group)
        return artifact(path, TableType(()))

    def lowering(self, operation: Operation) -> Lowering:
        """How the backend runs it."""
        return self.backend.lowerings[type(operation)]

    def target(self, operation: Operation) -> Any:
        """What runs it."""
        return loaded(self.lowering(operation).target)

    def run(self, operation: Operation, inputs: Mapping[str, Artifact], **changed: Any) -> Outcome:
        """A step's outcome."""
        outcome: Outcome = self.target(operation)(operation, inputs, self.context(**changed))
        return outcome

    def apply(
        self,
        operation: Operation,
        inputs: Mapping[str, Artifact],
        operation_id: str,
        **changed: Any,
    ) -> Applied:
        """A resource as it was made."""
        keys = {name: f"key of {entry.digest}" for name, entry in inputs.items()}
        context = self.context(**{"input_keys": keys, **changed})
        applied: Applied = self.target(operation)().apply(operation, inputs, operation_id, context)
        return applied

    def fitted(self, algorithm: str, train: Artifact) -> Artifact:
        """The features of an algorithm, fitted."""
        specs = features(algorithm)
        outcome = self.run(FitFeatures(specs, REQUEST), {"train": train})
        kind = FeaturesType(REQUEST, tuple(spec.name for spec in specs))
        return artifact(outcome.files["features"], kind)

    def model(self, operation: Train, train: Artifact, **inputs: Artifact) -> Model:
        """Features, estimator and package in a row."""
        fitted = self.fitted(operation.algorithm, train)
        outcome = self.run(operation, {"features": fitted, "train": train, **inputs})
        estimator = artifact(outcome.files["estimator"], EstimatorType(operation.task))
        package = Package(TARGETS[operation.task], operation.task)
        packaged = self.run(package, {"features": fitted, "estimator": estimator})
        model = artifact(packaged.files["model"], ModelType(operation.task, REQUEST, ()))
        return Model(model, estimator, json.loads(outcome.files["training"].read_bytes()))

    def evaluation(self, operation: Evaluate, model: Artifact, table: Artifact) -> dict[str, Any]:
        """The metrics document."""
        outcome = self.run(operation, {"model": model, "table": table})
        found: dict[str, Any] = json.loads(outcome.files["metrics"].read_bytes())
        return found


@dataclass(frozen=True, slots=True)
class Model:
    """A packaged model, its estimator, and the document of its training."""

    model: Artifact
    estimator: Artifact
    training: dict[str, Any]


def loaded(target: str) -> Any:
    """What ``package.module:name`` names."""
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


def artifact(path: Path, kind: ValueType) -> Artifact:
    """A file as the store hands it out."""
    return Artifact(path, sha256(path.read_bytes()).hexdigest(), kind)


def document(path: Path, kind: str) -> Artifact:
    """A JSON document as the store hands it out."""
    return artifact(path, DocumentType(kind))


def training(task: Task, algorithm: str, **changed: Any) -> Train:
    """The operation, small."""
    spec = algorithm_of(algorithm, SMALL.get(algorithm, {}))
    plain = Train(task, TARGETS[task].name, algorithm, params(parameters_of(spec)))
    return replace(plain, **changed)


def parts(bench: Bench, task: Task) -> tuple[Artifact, Artifact]:
    """Two thirds to learn from, the rest to judge by."""
    rows = real(task)
    cut = rows.num_rows * 2 // 3
    return bench.table(rows.slice(0, cut)), bench.table(rows.slice(cut))
