"""Published versions: write, audit, publish, and what a kill leaves behind."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from backends.local.versions import Versions
from compiler.backend import Applied, Artifact, TaskContext
from compiler.diagnostics import StackcError
from compiler.engine import durable
from compiler.graph.digest import canonical
from compiler.graph.documents import RuleResult, Verdict
from compiler.graph.operations import Publish
from compiler.graph.types import DocumentType
from tests.house.tables import context, document, table

PUBLISH = Publish("flights")


def made(folder: Path, values: Sequence[int]) -> Artifact:
    """A table in the store, as the engine hands it over."""
    found = table(folder / "made.parquet", [{"a": value} for value in values], a="int64")
    place = folder / ".stackc" / "objects" / found.digest[:2] / f"{found.digest[2:]}.parquet"
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(found.path, place)
    return Artifact(place, found.digest, found.type)


def verdict(folder: Path, *rules: RuleResult) -> Artifact:
    """A verdict on a table."""
    blocked = any(not rule["passed"] and rule["on_failure"] == "block" for rule in rules)
    found = Verdict(rows=100, blocked=blocked, rules=list(rules))
    path = folder / "verdict.json"
    path.write_bytes(canonical(found))
    return Artifact(path, "", DocumentType("verdict"))


def broken(name: str, on_failure: str = "block", **more: Any) -> RuleResult:
    """A rule that 3 of 100 rows break."""
    found = RuleResult(
        name=name, kind="between", columns=["a"], rows=100, broken=3, share=0.03, tolerance=0.01,
        passed=False, on_failure=on_failure, detail="", examples=[-1, 999],
    )  # fmt: skip
    found.update(more)  # type: ignore[typeddict-item]
    return found


def publish(folder: Path, values: Sequence[int], operation_id: str, **inputs: Artifact) -> Applied:
    """Publish a table of these values."""
    task = context(folder)
    return Versions().apply(PUBLISH, {"table": made(folder, values), **inputs}, operation_id, task)


def task_of(folder: Path) -> TaskContext:
    """A task's context."""
    return context(folder)


def test_versions_count_up_and_the_last_is_current(tmp_path: Path) -> None:
    first = publish(tmp_path, [1], "op1")
    second = publish(tmp_path, [1, 2], "op2")
    assert (first.attributes["number"], second.attributes["number"]) == (1, 2)
    shown = document(second.outcome.files["version"])
    assert (shown["rows"], shown["columns"], shown["name"]) == (2, ["a"], "flights")
    assert not Versions().read(first.attributes, task_of(tmp_path))
    assert Versions().read(second.attributes, task_of(tmp_path))


def test_the_same_table_is_no_new_version(tmp_path: Path) -> None:
    first = publish(tmp_path, [1], "op1")
    again = publish(tmp_path, [1], "op2")
    assert again.attributes == first.attributes
    assert first.outcome.events
    assert not again.outcome.events


def test_an_operation_is_found_by_its_id(tmp_path: Path) -> None:
    publish(tmp_path, [1], "op1")
    found = Versions().find("op1", task_of(tmp_path))
    assert found is not None
    assert found.attributes["number"] == 1
    assert found.outcome.files["table"].is_file()
    assert Versions().find("op2", task_of(tmp_path)) is None


def test_a_blocked_table_is_not_published(tmp_path: Path) -> None:
    before = publish(tmp_path, [1], "op1")
    judged = verdict(
        tmp_path,
        broken("distance"),
        broken("mild", "warn"),
        broken("delay", detail="3 of 100 rows"),
    )
    with pytest.raises(StackcError) as caught:
        publish(tmp_path, [1, 2], "op2", verdict=judged)
    found = caught.value.diagnostics[0]
    assert found.code.value == "E706"
    assert "breaks 2 rules" in found.message
    assert len(found.notes) == 2
    assert found.notes[0].startswith("distance  3 of 100 rows, 3.0000% (allowed 1.0000%)")
    assert "-1, 999" in found.notes[0]
    assert Versions().read(before.attributes, task_of(tmp_path))


def test_warnings_and_quarantine_do_not_block(tmp_path: Path) -> None:
    judged = verdict(tmp_path, broken("mild", "warn"), broken("aside", "quarantine"))
    assert publish(tmp_path, [1], "op1", verdict=judged).attributes["number"] == 1


def test_deleting_removes_every_version(tmp_path: Path) -> None:
    last = publish(tmp_path, [1], "op1")
    for _ in range(2):
        Versions().delete(last.attributes, "op2", task_of(tmp_path))
    assert not Versions().read(last.attributes, task_of(tmp_path))
    assert not (tmp_path / ".stackc" / "versions" / "flights").exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"number": 7}', b'{"number": "../x"}'])
def test_a_damaged_pointer_is_no_current_version(tmp_path: Path, content: bytes) -> None:
    publish(tmp_path, [1], "op1")
    (tmp_path / ".stackc" / "versions" / "flights" / "current.json").write_bytes(content)
    again = publish(tmp_path, [1], "op2")
    assert again.attributes["number"] == 2
    assert Versions().read(again.attributes, task_of(tmp_path))


def test_killed_anywhere_one_of_the_two_versions_is_current(tmp_path: Path) -> None:
    class Killed(BaseException):
        """The process ends here."""

    points: list[str] = []
    publish(tmp_path / "count", [1], "op1")
    with durable.injected(points.append):
        publish(tmp_path / "count", [1, 2], "op2")
    assert points
    for stop in range(len(points)):
        folder = tmp_path / str(stop)
        before = publish(folder, [1], "op1")
        seen: list[str] = []

        def kill(name: str, seen: list[str] = seen, stop: int = stop) -> None:
            seen.append(name)
            if len(seen) > stop:
                raise Killed

        with pytest.raises(Killed), durable.injected(kill):
            publish(folder, [1, 2], "op2")
        found = Versions().find("op2", task_of(folder))
        assert found is not None or Versions().read(before.attributes, task_of(folder))
        after = found or publish(folder, [1, 2], "op2")
        assert Versions().read(after.attributes, task_of(folder))
        assert document(after.outcome.files["version"])["rows"] == 2
