"""MLflow in process on SQLite: the suite, and what people find there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

if find_spec("mlflow") is None:
    pytest.skip("mlflow is not installed", allow_module_level=True)

from backends.local import BACKEND as LOCAL
from backends.mlflow import BACKEND, MlflowSettings
from backends.mlflow.connection import Connection
from backends.models.feed import feeds
from backends.models.predict import Predictor
from compiler.backend import Backend, Settings
from compiler.codes import Code
from compiler.diagnostics import StackcError
from compiler.graph.types import Task
from tests.conformance.bench import Bench, parts, training
from tests.conformance.registers import (
    REGISTER,
    Killed,
    RegistersSuite,
    gates,
    points,
    register,
    registration,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore:The ``noload`` loader"),
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred"),
]
"""What MLflow warns of in its own code."""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One database for all tests here: MLflow needs seconds to make its tables."""
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"


def called(bench: Bench) -> str:
    assert isinstance(bench.settings, MlflowSettings)
    return f"{bench.settings.prefix}late"


def looked(bench: Bench, look: Any) -> Any:
    """What MLflow's own client finds."""
    return Connection(bench.context()).look(look)


class MlflowSuite(RegistersSuite):
    """Everything is looked up with MLflow's own client."""

    backend: ClassVar[Backend] = BACKEND
    fewest: ClassVar[int] = 14

    def registered(self, bench: Bench) -> list[int]:
        asked = f"name = '{called(bench)}'"
        found = looked(bench, lambda client: client.search_model_versions(asked))
        return sorted(int(version.version) for version in found)

    def champion(self, bench: Bench) -> int | None:
        found = looked(bench, lambda client: client.get_registered_model(called(bench)))
        number = found.aliases.get("champion") if found is not None else None
        return int(number) if number is not None else None

    def spoil(self, bench: Bench, number: int) -> None:
        found = looked(bench, lambda c: c.get_model_version(called(bench), str(number)))
        (Path(found.source) / "model.onnx").unlink()


class TestMlflow(MlflowSuite):
    """A database on the disk."""

    @pytest.fixture
    def settings(self, database: str) -> Iterator[Settings]:
        yield MlflowSettings(tracking_uri=database, prefix=f"{uuid4().hex}-")

    @pytest.fixture
    def bench(self, tmp_path: Path, settings: Settings) -> Iterator[Bench]:
        folder = tmp_path / "project"
        folder.mkdir()
        yield Bench(self.backend, folder, settings=settings)

    def test_the_run_tells_what_was_registered(self, bench: Bench) -> None:
        judged = gates(bench, passed=True)
        registered = registration(register(bench, "a", "op1", gates=judged))
        version = looked(bench, lambda client: client.get_model_version(called(bench), "1"))
        run = looked(bench, lambda client: client.get_run(version.run_id))
        assert run.info.status == "FINISHED"
        assert run.data.params == {"algorithm": "xgboost", "max_depth": "3"}
        assert run.data.metrics == {"roc_auc": 0.9, "training/logloss": 0.4}
        assert run.data.tags["stackc.operation"] == "op1"
        assert "| roc_auc >= 0.9 | 0.9 | 0.9 | passed |" in run.data.tags["mlflow.note.content"]
        (data,) = run.inputs.dataset_inputs
        assert data.dataset.name == "datasets.departures"
        assert json.loads(data.dataset.source)["digest"] == registered["data"]
        listed = looked(bench, lambda client: client.list_artifacts(version.run_id))
        assert [entry.path for entry in listed] == ["gates.json", "metrics.json", "training.json"]

    def test_a_later_evaluation_is_a_new_value_of_the_metric(self, bench: Bench) -> None:
        register(bench, "a", "op1")
        register(bench, "a", "op2", value=0.95)
        version = looked(bench, lambda client: client.get_model_version(called(bench), "1"))
        history = looked(bench, lambda client: client.get_metric_history(version.run_id, "roc_auc"))
        assert [metric.value for metric in history] == [0.9, 0.95]

    def test_a_run_that_was_removed_by_hand_does_not_keep_a_model_from_being_updated(
        self, bench: Bench
    ) -> None:
        register(bench, "a", "op1")
        version = looked(bench, lambda client: client.get_model_version(called(bench), "1"))
        looked(bench, lambda client: client.delete_run(version.run_id))
        again = register(bench, "a", "op2", value=0.95)
        assert registration(again)["metrics"]["roc_auc"] == 0.95

    @pytest.mark.parametrize("task", [Task.BINARY, Task.MULTICLASS, Task.REGRESSION])
    def test_mlflow_loads_the_champion_and_answers_as_the_evaluation_did(
        self, bench: Bench, tmp_path: Path, task: Task
    ) -> None:
        import mlflow.pyfunc

        made = Bench(LOCAL, tmp_path)
        train, rest = parts(made, task)
        packaged = made.model(training(task, "hist_gradient_boosting"), train).model
        register(bench, "a", "op1", model=packaged)
        here = looked(bench, lambda client: client.get_registered_model(called(bench)))
        version = here.aliases["champion"]
        source = looked(bench, lambda client: client.get_model_version(called(bench), version))
        loaded = mlflow.pyfunc.load_model(source.source)
        predictor = Predictor.open(packaged.path)
        fed = feeds(next(pq.ParquetFile(rest.path).iter_batches()), predictor.request)
        ours, theirs = predictor.scores_of(fed), loaded.predict(dict(fed))
        name = "prediction" if task is Task.REGRESSION else "probabilities"
        assert theirs[name].tobytes() == ours.tobytes()

    def test_a_version_whose_answer_was_lost_is_not_made_twice(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = mlflow_client().create_model_version

        def lost(*arguments: Any, **named: Any) -> None:
            made(*arguments, **named)
            raise ConnectionError("the line is dead")

        monkeypatch.setattr(mlflow_client(), "create_model_version", lost)
        with pytest.raises(StackcError) as caught:
            register(bench, "a", "op1")
        assert [found.code for found in caught.value.diagnostics] == [Code.REGISTRY]
        assert self.champion(bench) is None
        monkeypatch.undo()
        assert register(bench, "a", "op1").attributes["version"] == 1
        assert (self.registered(bench), self.champion(bench)) == ([1], 1)

    @pytest.mark.parametrize(
        "method", ["create_run", "log_model_artifacts", "log_batch", "create_registered_model"]
    )
    def test_what_fails_on_the_way_leaves_no_run_behind(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch, method: str
    ) -> None:
        def fails(*_: Any, **__: Any) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(mlflow_client(), method, fails)
        with pytest.raises(StackcError) as caught:
            register(bench, "a", "op-that-fails")
        assert "refuses: [Errno 13] Permission denied" in caught.value.diagnostics[0].message
        assert self.registered(bench) == []
        assert runs_of(bench, "op-that-fails") == []

    def test_what_a_kill_left_is_taken_back(self, bench: Bench) -> None:
        with pytest.raises(Killed):
            points(lambda: register(bench, "a", "op-killed"), 5)
        assert len(runs_of(bench, "op-killed")) == 1
        register(bench, "a", "op-killed")
        assert len(runs_of(bench, "op-killed")) == 1

    def test_a_model_of_somebody_else_is_left_alone(self, bench: Bench) -> None:
        looked(bench, lambda client: client.create_registered_model(called(bench)))
        for attempt in (lambda: register(bench, "a", "op1"), lambda: self.champion_read(bench)):
            with pytest.raises(StackcError) as caught:
                attempt()
            (found,) = caught.value.diagnostics
            assert found.code is Code.REGISTRY
            assert "was not made by stackc" in found.message
            assert "backends.register.prefix" in found.help[0]

    def champion_read(self, bench: Bench) -> bool:
        attributes = {"name": REGISTER.name, "version": 1, "digest": "0" * 64}
        found: bool = self.target(bench).read(attributes, bench.context())
        return found

    def test_an_alias_that_was_moved_by_hand_is_noticed(self, bench: Bench) -> None:
        first = register(bench, "a", "op1")
        second = register(bench, "b", "op2")
        looked(bench, lambda c: c.set_registered_model_alias(called(bench), "champion", "1"))
        assert not self.target(bench).read(second.attributes, bench.context())
        assert self.target(bench).read(first.attributes, bench.context())

    def test_an_experiment_that_was_deleted_is_said(self, bench: Bench, database: str) -> None:
        name = uuid4().hex
        found = looked(bench, lambda client: client.create_experiment(name))
        looked(bench, lambda client: client.delete_experiment(found))
        bench.settings = MlflowSettings(tracking_uri=database, experiment=name)
        with pytest.raises(StackcError) as caught:
            register(bench, "a", "op1")
        assert "was deleted in MLflow" in caught.value.diagnostics[0].message

    def test_models_may_be_registered_elsewhere(self, bench: Bench, tmp_path: Path) -> None:
        elsewhere = f"sqlite:///{tmp_path}/registry.db"
        tracking = bench.settings
        assert isinstance(tracking, MlflowSettings)
        bench.settings = tracking.model_copy(update={"registry_uri": elsewhere})
        applied = register(bench, "a", "op1")
        assert self.target(bench).read(applied.attributes, bench.context())
        assert (self.registered(bench), self.champion(bench)) == ([1], 1)
        bench.settings = tracking
        assert self.registered(bench) == []


class TestOwnDatabase:
    """Where the settings name no MLflow."""

    def test_everything_is_kept_under_stackc(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
        project.mkdir()
        elsewhere.mkdir()
        monkeypatch.chdir(elsewhere)
        bench = Bench(BACKEND, project, settings=MlflowSettings())
        target = bench.target(REGISTER)()
        assert target.find("op1", bench.context()) is None
        assert not target.read({"name": REGISTER.name, "version": 1, "digest": ""}, bench.context())
        assert not (project / ".stackc").exists()
        register(bench, "a", "op1")
        assert list(elsewhere.iterdir()) == []
        assert sorted(path.name for path in (project / ".stackc").iterdir()) == ["mlflow"]
        assert sorted(path.name for path in (project / ".stackc/mlflow").iterdir()) == [
            "artifacts", "mlflow.db",
        ]  # fmt: skip

    def test_a_file_that_is_no_database_is_said(self, tmp_path: Path) -> None:
        (tmp_path / "mine.db").write_text("mine")
        settings = MlflowSettings(tracking_uri="sqlite:///mine.db")
        with pytest.raises(StackcError) as caught:
            register(Bench(BACKEND, tmp_path, settings=settings), "a", "op1")
        assert [found.code for found in caught.value.diagnostics] == [Code.REGISTRY]
        assert (tmp_path / "mine.db").read_text() == "mine"


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("tracking_uri", "mlruns", "is no address of an MLflow"),
        ("tracking_uri", "file:///tmp/mlruns", "is no address of an MLflow"),
        ("tracking_uri", "databricks", "is no address of an MLflow"),
        ("tracking_uri", "http://", "names no host"),
        ("tracking_uri", "sqlite://", "names no file"),
        ("registry_uri", "https://me:word@host", "use `username` and `password`"),
        ("password", "word", "is kept as a reference"),
        ("token", "${secret:A}x", "is kept as a reference"),
        ("timeout", 0, "greater than or equal to 1"),
        ("prefix", "a/b", "match pattern"),
    ],
)
def test_settings_that_make_no_sense_are_refused(setting: str, value: Any, said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        MlflowSettings.model_validate({setting: value})
    assert said in str(caught.value)


def mlflow_client() -> Any:
    from mlflow import MlflowClient

    return MlflowClient


def runs_of(bench: Bench, operation_id: str) -> list[Any]:
    """The runs of an operation that MLflow shows."""
    asked = f"tags.`stackc.operation` = '{operation_id}'"
    experiment = looked(bench, lambda client: client.get_experiment_by_name("stackc"))
    found = looked(bench, lambda client: client.search_runs([experiment.experiment_id], asked))
    return list(found)
