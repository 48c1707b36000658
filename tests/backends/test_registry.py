"""The registry: versions, one champion, and no kill that leaves it in between."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from backends.local import BACKEND
from backends.local.register import Models
from backends.local.registry import Registry
from compiler.backend import Applied, Artifact
from compiler.codes import Code
from compiler.diagnostics import StackcError
from compiler.engine import durable
from compiler.graph.digest import canonical
from compiler.graph.documents import GateResult, Gates
from compiler.graph.operations import Register
from compiler.graph.types import DocumentType, ModelType, Task
from tests.conformance.bench import Bench, artifact

OPERATION = Register("models.late")


class Killed(BaseException):
    """Ends the process in the middle, as far as the code can tell."""


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(BACKEND, tmp_path)


def model(bench: Bench, content: str) -> Artifact:
    path = bench.folder / f"{content}.onnx"
    path.write_text(content)
    return artifact(path, ModelType(Task.BINARY, (), ()))


def metrics(bench: Bench, value: float) -> Artifact:
    path = bench.folder / f"metrics{value}.json"
    path.write_bytes(canonical({"metrics": {"roc_auc": value}}))
    return artifact(path, DocumentType("metrics"))


def gates(bench: Bench, *, passed: bool, champion: str | None = None) -> Artifact:
    result = GateResult(
        text="roc_auc >= 0.9", metric="roc_auc", op=">=", value=0.8 + 0.1 * passed,
        bound=0.9, champion=None, passed=passed, detail="",
    )  # fmt: skip
    path = bench.folder / f"gates{passed}{champion}.json"
    path.write_bytes(canonical(Gates(passed=passed, champion=champion, gates=[result])))
    return artifact(path, DocumentType("gates"))


def register(
    bench: Bench, content: str, operation_id: str, value: float = 0.9, **inputs: Artifact
) -> Applied:
    given = {"model": model(bench, content), "metrics": metrics(bench, value), **inputs}
    return bench.apply(OPERATION, given, operation_id)


def registry(bench: Bench) -> Registry:
    return Registry(bench.folder / ".stackc", OPERATION.name)


def registration(applied: Applied) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(applied.outcome.files["registration"].read_bytes())
    return found


def test_the_first_model_is_version_one_and_champion(bench: Bench) -> None:
    applied = register(bench, "a", "op1")
    assert applied.attributes["version"] == 1
    assert registration(applied)["followed"] is None
    assert registration(applied)["metrics"] == {"roc_auc": 0.9}
    assert [event.type for event in applied.outcome.events] == ["model.registered"]
    assert registry(bench).model(1).read_text() == "a"
    assert applied.outcome.files["model"].read_text() == "a"


def test_the_next_model_follows_the_champion(bench: Bench) -> None:
    first = register(bench, "a", "op1")
    second = register(bench, "b", "op2")
    assert second.attributes["version"] == 2
    assert registration(second)["followed"] == first.attributes["digest"]
    champion = registry(bench).champion()
    assert champion is not None
    assert champion.digest == second.attributes["digest"]


def test_the_same_model_again_is_no_new_version_but_its_metrics_are_new(bench: Bench) -> None:
    register(bench, "a", "op1")
    again = register(bench, "a", "op2", value=0.95)
    assert again.attributes["version"] == 1
    assert registration(again)["metrics"] == {"roc_auc": 0.95}
    assert again.outcome.events == ()
    assert [v.number for v in registry(bench).versions()] == [1]


def test_the_same_operation_twice_is_one_effect(bench: Bench) -> None:
    first = register(bench, "a", "op1")
    again = register(bench, "a", "op1")
    assert first.attributes == again.attributes
    assert [v.number for v in registry(bench).versions()] == [1]


def test_a_failed_gate_registers_nothing_and_shows_the_table(bench: Bench) -> None:
    with pytest.raises(StackcError) as caught:
        register(bench, "a", "op1", gates=gates(bench, passed=False))
    (found,) = caught.value.diagnostics
    assert found.code is Code.GATE_FAILED
    assert found.notes == ("FAILED  roc_auc >= 0.9: 0.8 >= 0.9",)
    assert registry(bench).champion() is None


def test_read_sees_what_was_changed_outside(bench: Bench) -> None:
    applied = register(bench, "a", "op1")
    assert Models().read(applied.attributes, bench.context())
    registry(bench).model(1).unlink()
    assert not Models().read(applied.attributes, bench.context())


def test_a_newer_champion_means_the_older_is_not_there_as_made(bench: Bench) -> None:
    first = register(bench, "a", "op1")
    register(bench, "b", "op2")
    assert not Models().read(first.attributes, bench.context())


def test_a_lost_model_is_registered_anew(bench: Bench) -> None:
    register(bench, "a", "op1")
    registry(bench).model(1).unlink()
    assert register(bench, "a", "op2").attributes["version"] == 2


def test_delete_removes_all_versions_and_may_be_repeated(bench: Bench) -> None:
    applied = register(bench, "a", "op1")
    register(bench, "b", "op2")
    for _ in range(2):
        Models().delete(applied.attributes, "op3", bench.context())
        assert not registry(bench).folder.exists()
    assert model(bench, "a").path.read_text() == "a"


def test_a_damaged_registration_is_no_version(bench: Bench) -> None:
    register(bench, "a", "op1")
    (registry(bench).folder / "1" / "registration.json").write_text('{"registration": {}}')
    assert registry(bench).champion() is None
    assert register(bench, "a", "op2").attributes["version"] == 1


def test_a_damaged_champion_is_not_opened(bench: Bench) -> None:
    applied = register(bench, "a", "op1")
    path = registry(bench).model(1)
    path.unlink()
    path.write_text("x")
    with pytest.raises(StackcError) as caught:
        registry(bench).open(applied.attributes["digest"])
    assert caught.value.diagnostics[0].code is Code.MODEL_UNREADABLE


def _points(bench: Bench, work: Any) -> int:
    """How many places a piece of work can be killed at."""
    seen: list[str] = []
    with durable.injected(seen.append):
        work()
    return len(seen)


def _killed_at(place: int, work: Any) -> None:
    """Do the work and be killed at one place of it."""
    left = iter(range(place + 1))

    def hook(name: str) -> None:
        if next(left) == place:
            raise Killed(name)

    with durable.injected(hook), pytest.raises(Killed):
        work()


@pytest.mark.parametrize("before", [0, 1])
def test_killed_anywhere_and_resumed_it_is_registered_once(tmp_path: Path, before: int) -> None:
    def prepared(name: str) -> Bench:
        folder = tmp_path / name
        folder.mkdir()
        bench = Bench(BACKEND, folder)
        if before:
            register(bench, "a", "op0")
        return bench

    whole = prepared("whole")
    places = _points(whole, lambda: register(whole, "b", "op1"))
    expected = [(v.number, v.digest, v.held) for v in registry(whole).versions()]
    assert places > 6
    for place in range(places):
        bench = prepared(f"killed{place}")
        _killed_at(place, lambda bench=bench: register(bench, "b", "op1"))
        applied = Models().find("op1", bench.context()) or register(bench, "b", "op1")
        assert applied.attributes["version"] == 1 + before
        assert applied.outcome.files["model"].read_text() == "b"
        assert [(v.number, v.digest, v.held) for v in registry(bench).versions()] == expected
        champion = registry(bench).champion()
        assert champion is not None
        assert champion.number == 1 + before


def test_killed_while_deleting_it_can_be_deleted_again(tmp_path: Path) -> None:
    for place in range(5):
        folder = tmp_path / str(place)
        folder.mkdir()
        bench = Bench(BACKEND, folder)
        applied = register(bench, "a", "op1")
        register(bench, "b", "op2")

        def work(bench: Bench = bench, applied: Applied = applied) -> None:
            Models().delete(applied.attributes, "op3", bench.context())

        try:
            _killed_at(place, work)
        except pytest.fail.Exception:
            break
        work()
        assert not registry(bench).folder.exists()


def test_a_full_disk_is_said_and_the_champion_stays(bench: Bench) -> None:
    register(bench, "a", "op1")

    def full(name: str) -> None:
        raise OSError(28, "No space left on device")

    with durable.injected(full), pytest.raises(StackcError) as caught:
        register(bench, "b", "op2")
    assert caught.value.diagnostics[0].code is Code.NO_SPACE
    champion = registry(bench).champion()
    assert champion is not None
    assert champion.number == 1
