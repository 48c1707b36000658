"""A run for each registration: parameters, metrics, the data, the documents, the model."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from msgspec import Struct

from backends.mlflow import words
from backends.mlflow.connection import Connection
from backends.mlflow.package import written
from backends.mlflow.troubles import refused
from backends.registering.registered import Candidate
from compiler.backend import Artifact, TaskContext
from compiler.diagnostics import StackcError
from compiler.graph.documents import Gates, Registration, Training
from compiler.graph.types import DocumentType, TableType

_DIGEST = 36
"""Characters of a digest that MLflow keeps of a dataset."""


class Run(Struct, frozen=True):
    """A finished run, and the model it logged."""

    run_id: str
    model_id: str
    location: str
    description: str


class Runs:
    """The runs of an experiment."""

    def __init__(self, at: Connection, context: TaskContext) -> None:
        self._at = at
        self._context = context

    def record(self, candidate: Candidate, operation_id: str) -> Run:
        """Make the run of an operation, whole; what a kill left of an earlier one goes first.

        Raises:
            StackcError: E721; what was made until then is taken back where it can be.
        """
        experiment = self._experiment()
        self._take_back(experiment, operation_id)
        try:
            return self._recorded(experiment, candidate, operation_id)
        except StackcError:
            self._give_up(experiment, operation_id)
            raise

    def update(self, run_id: str, registration: Registration) -> None:
        """Log what an evaluation found later; a run that was removed by hand stays away."""
        run = self._at.ask("get_run", run_id) if run_id else None
        if run is None or run.info.lifecycle_stage != "active":
            return
        self._at.tell(
            "log_batch", run_id, metrics=list(_values(registration, time.time_ns() // 1_000_000))
        )

    def _recorded(self, experiment: str, candidate: Candidate, operation_id: str) -> Run:
        registration, gates = candidate.registration, _gates(candidate)
        tags = words.tags(registration, operation_id)
        note = words.description(registration, gates, self._context.project)
        shown = words.shown(note, self._context.project)
        run = self._at.tell(
            "create_run", experiment, tags={**tags, **shown}, run_name=words.run_name(registration)
        ).info
        model = self._at.tell(
            "create_logged_model", experiment, words.short(registration["name"]), run.run_id,
            {**tags, words.NOTE: note}, _parameters(registration), "onnx",
        )  # fmt: skip
        self._files(run.run_id, model.model_id, candidate)
        self._facts(run, model.model_id, candidate)
        self._at.tell("set_terminated", run.run_id)
        return Run(run.run_id, model.model_id, model.artifact_location, note)

    def _files(self, run_id: str, model_id: str, candidate: Candidate) -> None:
        """Upload the model and the documents."""
        from mlflow.entities import LoggedModelOutput

        tell, folder = self._at.tell, self._context.workdir / "mlmodel"
        self._at.look(lambda _: written(candidate.model, folder, model_id, run_id))
        tell("log_model_artifacts", model_id, str(folder))
        tell("finalize_logged_model", model_id, "READY")
        tell("log_outputs", run_id, [LoggedModelOutput(model_id, step=0)])
        for path in self._documents(candidate):
            tell("log_artifact", run_id, str(path))

    def _facts(self, run: Any, model_id: str, candidate: Candidate) -> None:
        """Log parameters, metrics and the data."""
        from mlflow.entities import Param

        registration = candidate.registration
        training = cast(Training, _read(candidate.inputs["training"]))
        data = _dataset(registration, candidate.inputs["table"])
        self._at.tell("log_inputs", run.run_id, [data])
        metrics = list(_values(registration, run.start_time, model_id))
        metrics += _curves(training["curve"], run.start_time)
        params = [Param(name, value) for name, value in _parameters(registration).items()]
        self._at.tell("log_batch", run.run_id, metrics=metrics, params=params)

    def _documents(self, candidate: Candidate) -> Iterator[Path]:
        """The documents of the registration under the names that they have in the graph."""
        for name, artifact in candidate.inputs.items():
            if isinstance(artifact.type, DocumentType):
                path = self._context.workdir / f"{name}.json"
                path.write_text(json.dumps(_read(artifact), indent=1, ensure_ascii=False))
                yield path

    def _experiment(self) -> str:
        """The experiment's id; it is made where there is none."""
        name = self._at.settings.experiment
        found = self._at.ask("get_experiment_by_name", name)
        if found is not None and found.lifecycle_stage != "active":
            raise refused(
                f"the experiment `{name}`",
                "was deleted in MLflow",
                "bring it back with `mlflow experiments restore`, or name another with"
                " `backends.register.experiment=…`",
            )
        return str(found.experiment_id if found is not None else self._new_experiment(name))

    def _new_experiment(self, name: str) -> str:
        """Make it, or find that another task was faster."""
        try:
            made: str = self._at.tell(
                "create_experiment", name, self._at.artifacts, words.EXPERIMENT
            )
        except StackcError:
            found = self._at.ask("get_experiment_by_name", name)
            if found is None:
                raise
            made = found.experiment_id
        return made

    def _take_back(self, experiment: str, operation_id: str) -> None:
        """Remove the runs and models of an operation whose version is not registered."""
        ours = f"tags.`{words.OPERATION}` = '{operation_id}'"
        runs = self._at.ask("search_runs", [experiment], ours)
        for run in runs or ():
            self._at.tell("delete_run", run.info.run_id)
        models = self._at.ask("search_logged_models", [experiment], ours)
        for model in models or ():
            self._at.tell("delete_logged_model", model.model_id)

    def _give_up(self, experiment: str, operation_id: str) -> None:
        """Take back what can be; the next apply of the same operation does what is left."""
        try:
            self._take_back(experiment, operation_id)
        except StackcError:
            return


def _parameters(registration: Registration) -> dict[str, str]:
    values = {"algorithm": registration["algorithm"], **registration["parameters"]}
    return {name: str(value) for name, value in values.items()}


def _values(registration: Registration, at: int, model_id: str | None = None) -> Iterator[Any]:
    """The metrics that are defined on the rows they were asked for, of the model on its data."""
    from mlflow.entities import Metric

    data = (registration["dataset"], registration["data"][:_DIGEST])
    for name, value in registration["metrics"].items():
        if value is not None:
            yield Metric(name, value, at, 0, model_id, *data)


def _curves(curves: Mapping[str, list[float]], at: int) -> Iterator[Any]:
    """The training, a step for each round."""
    from mlflow.entities import Metric

    for name, values in curves.items():
        for step, value in enumerate(values):
            yield Metric(f"training/{name}", value, at, step)


def _dataset(registration: Registration, table: Artifact) -> Any:
    """The published table as MLflow's own pages show data."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    from backends.duckdb.parquet import rows_of

    columns = table.type.columns if isinstance(table.type, TableType) else ()
    schema = [{"name": c.name, "type": str(c.type), "required": not c.nullable} for c in columns]
    data = Dataset(
        name=registration["dataset"],
        digest=registration["data"][:_DIGEST],
        source_type="stackc",
        source=json.dumps({"dataset": registration["dataset"], "digest": registration["data"]}),
        schema=json.dumps({"mlflow_colspec": schema}),
        profile=json.dumps({"num_rows": rows_of(table.path)}),
    )
    return DatasetInput(data, [InputTag("mlflow.data.context", "training")])


def _gates(candidate: Candidate) -> Gates | None:
    gates = candidate.inputs.get("gates")
    return None if gates is None else cast(Gates, _read(gates))


def _read(artifact: Artifact) -> Any:
    return json.loads(artifact.path.read_bytes())
