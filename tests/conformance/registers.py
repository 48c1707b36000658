"""What every backend of registered models must do; a backend's tests inherit it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import onnx
import pyarrow as pa
import pytest

from compiler.backend import Applied, Artifact, Backend, Settings
from compiler.codes import Code
from compiler.diagnostics import StackcError
from compiler.engine import durable
from compiler.graph.digest import canonical
from compiler.graph.documents import GateResult, Gates, Training
from compiler.graph.operations import Evaluate, Gate, JudgeGates, Register
from compiler.graph.types import Column, DataType, DocumentType, ModelType, Task
from tests.conformance.bench import Bench, artifact, loaded

REGISTER = Register("models.late", "datasets.departures")
BETTER = Gate("roc_auc >= champion - 0.01", "roc_auc", ">=", -0.01, champion=True)
JUDGE = JudgeGates("models.late", (BETTER,), Evaluate(("roc_auc",), "late"))
REQUEST = (Column("distance", DataType("float64"), False), Column("carrier", DataType("string")))
RESPONSE = (Column("probability", DataType("float32"), False),)


class Killed(BaseException):
    """Ends the process in the middle, as far as the code can tell."""


class RegistersSuite:
    """Register as the engine sees it, and the champion that gates are held against."""

    backend: ClassVar[Backend]
    fewest: ClassVar[int] = 6
    """Places at which registering can be killed, at the least."""

    @pytest.fixture
    def settings(self) -> Settings:
        return Settings()

    @pytest.fixture
    def bench(self, tmp_path: Path, settings: Settings) -> Iterator[Bench]:
        yield Bench(self.backend, tmp_path, settings=settings)

    def target(self, bench: Bench) -> Any:
        return bench.target(REGISTER)()

    def registered(self, bench: Bench) -> list[int]:
        """The numbers that somebody who knows nothing of stackc finds, oldest first."""
        raise NotImplementedError

    def champion(self, bench: Bench) -> int | None:
        """The champion's number, found in the same way."""
        raise NotImplementedError

    def spoil(self, bench: Bench, number: int) -> None:
        """Take a version's model away behind stackc's back."""
        raise NotImplementedError

    def observed(self, bench: Bench, key: str) -> str | None:
        """What a plan finds that a candidate of this key is to be held against."""
        observer = loaded(str(bench.lowering(JUDGE).observer))
        found: str | None = observer(JUDGE, bench.context(input_keys={"model": key}))
        return found

    def test_the_first_model_is_version_one_and_champion(self, bench: Bench) -> None:
        applied = register(bench, "a", "op1")
        assert applied.attributes["version"] == 1
        shown = registration(applied)
        assert shown["followed"] is None
        assert shown["metrics"] == {"roc_auc": 0.9, "f1": None}
        assert (shown["algorithm"], shown["parameters"]) == ("xgboost", {"max_depth": 3})
        assert (shown["dataset"], len(shown["data"])) == ("datasets.departures", 64)
        assert [event.type for event in applied.outcome.events] == ["model.registered"]
        assert applied.outcome.files["model"].read_bytes() == model(bench, "a").path.read_bytes()
        assert (self.registered(bench), self.champion(bench)) == ([1], 1)
        assert self.target(bench).read(applied.attributes, bench.context())

    def test_environments_of_one_spec_do_not_meet(self, bench: Bench) -> None:
        first = register(bench, "a", "op1")
        dev = bench.beside("dev")
        other = register(dev, "b", "op2")
        assert other.attributes["version"] == 1
        assert registration(other)["followed"] is None
        assert (self.registered(bench), self.champion(bench)) == ([1], 1)
        self.target(dev).delete(other.attributes, "op3", dev.context())
        assert self.target(bench).read(first.attributes, bench.context())

    def test_the_next_model_follows_the_champion(self, bench: Bench) -> None:
        first = register(bench, "a", "op1")
        second = register(bench, "b", "op2")
        assert second.attributes["version"] == 2
        assert registration(second)["followed"] == first.attributes["digest"]
        assert (self.registered(bench), self.champion(bench)) == ([1, 2], 2)
        assert not self.target(bench).read(first.attributes, bench.context())

    def test_the_same_model_again_is_no_new_version_but_its_metrics_are_new(
        self, bench: Bench
    ) -> None:
        register(bench, "a", "op1")
        again = register(bench, "a", "op2", value=0.95)
        assert again.attributes["version"] == 1
        assert registration(again)["metrics"]["roc_auc"] == 0.95
        assert again.outcome.events == ()
        assert self.registered(bench) == [1]
        found = self.target(bench).find("op2", bench.context())
        assert found is not None
        assert registration(found)["metrics"]["roc_auc"] == 0.95

    def test_the_same_operation_twice_is_one_effect(self, bench: Bench) -> None:
        first = register(bench, "a", "op1")
        again = register(bench, "a", "op1")
        assert first.attributes == again.attributes
        assert self.registered(bench) == [1]

    def test_an_operation_is_found_by_its_id(self, bench: Bench) -> None:
        assert self.target(bench).find("op1", bench.context()) is None
        applied = register(bench, "a", "op1")
        found = self.target(bench).find("op1", bench.context())
        assert found is not None
        assert found.attributes == applied.attributes
        assert found.outcome.files["model"].read_bytes() == model(bench, "a").path.read_bytes()
        assert self.target(bench).find("other", bench.context()) is None

    def test_a_failed_gate_registers_nothing_and_shows_the_table(self, bench: Bench) -> None:
        with pytest.raises(StackcError) as caught:
            register(bench, "a", "op1", gates=gates(bench, passed=False))
        (found,) = caught.value.diagnostics
        assert found.code is Code.GATE_FAILED
        assert found.notes == ("FAILED  roc_auc >= 0.9: 0.8 >= 0.9",)
        assert (self.registered(bench), self.champion(bench)) == ([], None)

    def test_a_plan_after_the_registration_observes_what_the_judgement_did(
        self, bench: Bench
    ) -> None:
        assert self.observed(bench, "k1") is None
        first = register(bench, "a", "op1", key="k1")
        assert self.observed(bench, "k1") is None
        assert self.observed(bench, "k2") == first.attributes["digest"]
        second = register(bench, "b", "op2", key="k2")
        assert self.observed(bench, "k2") == first.attributes["digest"]
        assert self.observed(bench, "k1") == second.attributes["digest"]

    def test_the_same_model_under_another_key_is_observed_as_it_was_judged(
        self, bench: Bench
    ) -> None:
        first = register(bench, "a", "op1", key="k1")
        digest = first.attributes["digest"]
        judged = gates(bench, passed=True, champion=digest)
        assert register(bench, "a", "op2", key="k2", gates=judged).attributes["version"] == 1
        assert self.observed(bench, "k2") == digest

    def test_a_lost_model_is_noticed_and_registered_anew(self, bench: Bench) -> None:
        applied = register(bench, "a", "op1")
        self.spoil(bench, 1)
        assert not self.target(bench).read(applied.attributes, bench.context())
        again = register(bench, "a", "op2")
        assert again.attributes["version"] == 2
        assert self.target(bench).read(again.attributes, bench.context())

    def test_a_champion_that_is_lost_cannot_be_judged_against(self, bench: Bench) -> None:
        applied = register(bench, "a", "op1")
        self.spoil(bench, 1)
        documents = {"metrics": metrics(bench, 0.9), "model": model(bench, "b")}
        with pytest.raises(StackcError) as caught:
            bench.run(JUDGE, documents, observed=applied.attributes["digest"])
        assert [found.code for found in caught.value.diagnostics] == [Code.MODEL_UNREADABLE]

    def test_delete_removes_all_versions_and_may_be_repeated(self, bench: Bench) -> None:
        applied = register(bench, "a", "op1")
        register(bench, "b", "op2")
        for _ in range(2):
            self.target(bench).delete(applied.attributes, "op3", bench.context())
            assert (self.registered(bench), self.champion(bench)) == ([], None)
        assert self.target(bench).find("op2", bench.context()) is None
        assert register(bench, "a", "op4").attributes["version"] == 1

    @pytest.mark.parametrize("before", [0, 1])
    def test_killed_anywhere_and_resumed_it_is_registered_once(
        self, tmp_path: Path, settings: Settings, before: int
    ) -> None:
        """Law 4 for one effect."""

        def prepared(name: str) -> Bench:
            folder = tmp_path / name
            folder.mkdir()
            bench = Bench(self.backend, folder, settings=settings)
            if before:
                register(bench, "a", "op0")
            return bench

        whole = prepared("whole")
        places = points(lambda: register(whole, "b", "op1"))
        self.away(whole)
        assert places >= self.fewest
        for place in range(places):
            bench = prepared(f"killed{place}")
            with pytest.raises(Killed):
                points(lambda bench=bench: register(bench, "b", "op1"), place)  # type: ignore[misc]
            found = self.target(bench).find("op1", bench.context())
            applied = found or register(bench, "b", "op1")
            assert applied.attributes["version"] == 1 + before
            assert [event.type for event in applied.outcome.events] == ["model.registered"]
            assert self.registered(bench) == list(range(1, 2 + before)), f"killed at {place}"
            assert self.champion(bench) == 1 + before
            assert self.target(bench).read(applied.attributes, bench.context())
            self.away(bench)

    def test_killed_while_deleting_it_can_be_deleted_again(
        self, tmp_path: Path, settings: Settings
    ) -> None:
        for stop in range(100):
            folder = tmp_path / str(stop)
            folder.mkdir()
            bench = Bench(self.backend, folder, settings=settings)
            applied = register(bench, "a", "op1")
            register(bench, "b", "op2")
            delete = self.target(bench).delete
            try:
                points(lambda: delete(applied.attributes, "op3", bench.context()), stop)  # noqa: B023
                return
            except Killed:
                delete(applied.attributes, "op3", bench.context())
            assert (self.registered(bench), self.champion(bench)) == ([], None)

    def away(self, bench: Bench) -> None:
        """Remove what a bench has registered."""
        self.target(bench).delete({"name": REGISTER.name}, "end", bench.context())


def points(work: Callable[[], Any], stop: int | None = None) -> int:
    """Do the work; killed at the so-many-th point. Returns how many points it passed."""
    seen = 0

    def hook(_name: str) -> None:
        nonlocal seen
        seen += 1
        if stop is not None and seen > stop:
            raise Killed

    with durable.injected(hook):
        work()
    return seen


def register(
    bench: Bench,
    content: str,
    operation_id: str,
    value: float = 0.9,
    key: str | None = None,
    **inputs: Artifact,
) -> Applied:
    """Register a small model."""
    given = {
        "model": model(bench, content),
        "metrics": metrics(bench, value),
        "training": training(bench),
        "table": bench.table(pa.table({"late": [True]})),
        **inputs,
    }
    keys = {name: f"key of {entry.digest}" for name, entry in given.items()}
    if key is not None:
        keys["model"] = key
    return bench.apply(REGISTER, given, operation_id, input_keys=keys)


def model(bench: Bench, content: str) -> Artifact:
    """A real ONNX model that is told from others by its name."""
    value = onnx.helper.make_tensor_value_info
    node = onnx.helper.make_node("Cast", ["distance"], ["probability"], to=onnx.TensorProto.FLOAT)
    inputs = [value("distance", onnx.TensorProto.DOUBLE, [None, 1])]
    inputs.append(value("carrier", onnx.TensorProto.STRING, [None, 1]))
    outputs = [value("probability", onnx.TensorProto.FLOAT, [None, 1])]
    graph = onnx.helper.make_graph([node], content, inputs, outputs)
    opset = [onnx.helper.make_opsetid("", 18)]
    path = bench.folder / f"{content}.onnx"
    path.write_bytes(onnx.helper.make_model(graph, opset_imports=opset).SerializeToString())
    return artifact(path, ModelType(Task.BINARY, REQUEST, RESPONSE))


def metrics(bench: Bench, value: float) -> Artifact:
    """An evaluation."""
    path = bench.folder / f"metrics{value}.json"
    path.write_bytes(canonical({"metrics": {"roc_auc": value, "f1": None}}))
    return artifact(path, DocumentType("metrics"))


def training(bench: Bench) -> Artifact:
    """How the fit went."""
    found = Training(
        algorithm="xgboost", parameters={"max_depth": 3}, rows=100, features=2,
        classes=[False, True], rounds=2, curve={"logloss": [0.5, 0.4]}, importances=[],
        seconds=0.1, fidelity=0.0,
    )  # fmt: skip
    path = bench.folder / "training.json"
    path.write_bytes(canonical(found))
    return artifact(path, DocumentType("training"))


def gates(bench: Bench, *, passed: bool, champion: str | None = None) -> Artifact:
    """Gates that were judged."""
    result = GateResult(
        text="roc_auc >= 0.9", metric="roc_auc", op=">=", value=0.8 + 0.1 * passed,
        bound=0.9, champion=None, passed=passed, detail="",
    )  # fmt: skip
    path = bench.folder / f"gates{passed}{champion}.json"
    path.write_bytes(canonical(Gates(passed=passed, champion=champion, gates=[result])))
    return artifact(path, DocumentType("gates"))


def registration(applied: Applied) -> dict[str, Any]:
    """The document of a registration."""
    found: dict[str, Any] = json.loads(applied.outcome.files["registration"].read_bytes())
    return found
