"""What every backend of published tables must do; a backend's tests inherit it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pyarrow.parquet as pq
import pytest

from compiler.backend import Applied, Artifact, Backend, Settings
from compiler.codes import Code
from compiler.diagnostics import StackcError
from compiler.engine import durable
from compiler.graph.digest import canonical
from compiler.graph.documents import RuleResult, Verdict
from compiler.graph.operations import Publish
from compiler.graph.types import DocumentType
from tests.conformance.bench import Bench
from tests.house.tables import document, table

PUBLISH = Publish("sources.flights")
OTHER = Publish("datasets.delays")


class Killed(BaseException):
    """The process ends here, as far as the code can tell."""


class VersionsSuite:
    """Publish as the engine sees it; ``settings`` is a fixture where a place has to be made."""

    backend: ClassVar[Backend]

    @pytest.fixture
    def settings(self) -> Settings:
        return Settings()

    @pytest.fixture
    def bench(self, tmp_path: Path, settings: Settings) -> Bench:
        return Bench(self.backend, tmp_path, settings=settings)

    def target(self, bench: Bench) -> Any:
        return bench.target(PUBLISH)()

    def publish(
        self, bench: Bench, values: Sequence[int], by: str, operation: Publish = PUBLISH,
        **inputs: Artifact,
    ) -> Applied:  # fmt: skip
        """Publish a table of these values."""
        return bench.apply(operation, {"table": made(bench, values), **inputs}, by)

    def published(self, bench: Bench, name: str) -> list[int]:
        """What a reader of the place, who knows nothing of stackc, finds under a name."""
        raise NotImplementedError

    def spoil(self, bench: Bench, name: str) -> None:
        """Change a published table behind stackc's back."""
        raise NotImplementedError

    def left(self, bench: Bench) -> list[str]:
        """What unfinished work has left in the place."""
        return []

    def points(self, work: Callable[[], Any], stop: int | None = None) -> int:
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

    def test_versions_count_up_and_the_last_is_current(self, bench: Bench) -> None:
        first = self.publish(bench, [1], "op1")
        second = self.publish(bench, [1, 2], "op2")
        assert (first.attributes["number"], second.attributes["number"]) == (1, 2)
        shown = document(second.outcome.files["version"])
        assert (shown["rows"], shown["columns"], shown["name"]) == (2, ["a"], PUBLISH.name)
        assert not self.target(bench).read(first.attributes, bench.context())
        assert self.target(bench).read(second.attributes, bench.context())
        assert self.published(bench, PUBLISH.name) == [1, 2]

    def test_the_output_is_the_very_table(self, bench: Bench) -> None:
        table = made(bench, [1])
        applied = bench.apply(PUBLISH, {"table": table}, "op1")
        assert applied.outcome.files["table"] == table.path

    def test_the_same_table_is_no_new_version(self, bench: Bench) -> None:
        first = self.publish(bench, [1], "op1")
        again = self.publish(bench, [1], "op2")
        assert again.attributes == first.attributes
        assert first.outcome.events
        assert not again.outcome.events

    def test_names_do_not_meet(self, bench: Bench) -> None:
        first = self.publish(bench, [1], "op1")
        other = self.publish(bench, [7], "op2", OTHER)
        assert other.attributes["number"] == 1
        for applied in (first, other):
            assert self.target(bench).read(applied.attributes, bench.context())
        assert self.published(bench, PUBLISH.name) == [1]
        assert self.published(bench, OTHER.name) == [7]

    def test_environments_of_one_spec_do_not_meet(self, bench: Bench) -> None:
        first = self.publish(bench, [1], "op1")
        dev = bench.beside("dev")
        other = self.publish(dev, [7], "op2")
        assert other.attributes["number"] == 1
        for applied, own in ((first, bench), (other, dev)):
            assert self.target(own).read(applied.attributes, own.context())
        assert self.published(bench, PUBLISH.name) == [1]
        self.target(dev).delete(other.attributes, "op3", dev.context())
        assert self.target(bench).read(first.attributes, bench.context())

    def test_an_operation_is_found_by_its_id(self, bench: Bench) -> None:
        applied = self.publish(bench, [1], "op1")
        found = self.target(bench).find("op1", bench.context())
        assert found is not None
        assert found.attributes == applied.attributes
        assert found.outcome.files["table"].is_file()
        assert [event.type for event in found.outcome.events] == ["data.published"]
        assert self.target(bench).find("op2", bench.context()) is None

    def test_a_blocked_table_is_kept_to_be_looked_at_and_harms_nobody(self, bench: Bench) -> None:
        before = self.publish(bench, [1], "op1")
        judged = verdict(bench, broken("distance"), broken("mild", "warn"), broken("delay"))
        with pytest.raises(StackcError) as caught:
            self.publish(bench, [1, 2], "op2", verdict=judged)
        (found,) = caught.value.diagnostics
        assert found.code is Code.DATA_REJECTED
        assert "breaks 2 rules" in found.message
        assert found.notes[0].startswith("distance  3 of 100 rows, 3.0000% (allowed 1.0000%)")
        assert "-1, 999" in found.notes[0]
        assert self.target(bench).read(before.attributes, bench.context())
        assert self.target(bench).find("op2", bench.context()) is None
        assert self.published(bench, PUBLISH.name) == [1]
        assert self.rejected(bench, found.help[-1]) == [1, 2]
        after = self.publish(bench, [3], "op3")
        assert after.attributes["number"] == 2
        assert self.left(bench) == []

    def rejected(self, bench: Bench, told: str) -> list[int]:
        """The rejected table, found as the message says."""
        return values(bench.folder / told.split("`")[1])

    def test_blocked_again_and_again_it_is_the_last_that_is_kept(self, bench: Bench) -> None:
        judged = verdict(bench, broken("distance"))
        for at, by in enumerate(("op1", "op2", "op2")):
            with pytest.raises(StackcError) as caught:
                self.publish(bench, [at], by, verdict=judged)
        assert self.rejected(bench, caught.value.diagnostics[0].help[-1]) == [2]
        assert self.publish(bench, [9], "op3").attributes["number"] == 1
        assert self.left(bench) == []

    def test_warnings_and_quarantine_do_not_block(self, bench: Bench) -> None:
        judged = verdict(bench, broken("mild", "warn"), broken("aside", "quarantine"))
        assert self.publish(bench, [1], "op1", verdict=judged).attributes["number"] == 1

    def test_deleting_removes_every_version_and_no_other_name(self, bench: Bench) -> None:
        self.publish(bench, [1], "op1")
        last = self.publish(bench, [2], "op2")
        other = self.publish(bench, [7], "op3", OTHER)
        for by in ("op4", "op4", "op5"):
            self.target(bench).delete(last.attributes, by, bench.context())
            assert not self.target(bench).read(last.attributes, bench.context())
        assert self.target(bench).find("op2", bench.context()) is None
        assert self.target(bench).read(other.attributes, bench.context())
        assert self.left(bench) == []
        assert self.publish(bench, [1], "op6").attributes["number"] == 1

    def test_what_was_changed_outside_is_noticed_and_put_right(self, bench: Bench) -> None:
        applied = self.publish(bench, [1], "op1")
        self.spoil(bench, PUBLISH.name)
        assert not self.target(bench).read(applied.attributes, bench.context())
        again = self.publish(bench, [1], "op2")
        assert self.target(bench).read(again.attributes, bench.context())
        assert self.published(bench, PUBLISH.name) == [1]

    def test_killed_anywhere_and_applied_again_it_is_one_version(
        self, tmp_path: Path, settings: Settings
    ) -> None:
        """Law 4 for one effect: old or new at every moment, and nothing left of the work."""
        whole = self.fresh(tmp_path, settings, "whole")
        self.publish(whole, [1], "op1")
        count = self.points(lambda: self.publish(whole, [1, 2], "op2"))
        assert count >= self.fewest
        for stop in range(count):
            bench = self.fresh(tmp_path, settings, f"at{stop}")
            before = self.publish(bench, [1], "op1")
            with pytest.raises(Killed):
                self.points(lambda bench=bench: self.publish(bench, [1, 2], "op2"), stop)  # type: ignore[misc]
            found = self.target(bench).find("op2", bench.context())
            if found is None:
                now = self.published(bench, PUBLISH.name)
                assert now in ([1], [1, 2]), f"half published at point {stop}"
                assert now == [1, 2] or self.target(bench).read(before.attributes, bench.context())
            after = found or self.publish(bench, [1, 2], "op2")
            assert after.attributes["number"] == 2
            assert [event.type for event in after.outcome.events] == ["data.published"]
            assert self.target(bench).read(after.attributes, bench.context())
            assert self.published(bench, PUBLISH.name) == [1, 2]
            assert self.left(bench) == []
            self.target(bench).delete(after.attributes, "end", bench.context())

    fewest: ClassVar[int] = 6
    """Places at which publishing can be killed, at the least."""

    def fresh(self, tmp_path: Path, settings: Settings, name: str) -> Bench:
        """A bench of its own."""
        folder = tmp_path / name
        folder.mkdir()
        return Bench(self.backend, folder, settings=settings)

    def test_killed_while_deleting_it_can_be_deleted_again(
        self, tmp_path: Path, settings: Settings
    ) -> None:
        for stop in range(100):
            bench = self.fresh(tmp_path, settings, f"at{stop}")
            last = self.publish(bench, [1], "op1")
            work = self.target(bench).delete
            try:
                self.points(lambda: work(last.attributes, "op2", bench.context()), stop)  # noqa: B023
                return
            except Killed:
                work(last.attributes, "op2", bench.context())
            assert not self.target(bench).read(last.attributes, bench.context())
            assert self.left(bench) == []


def made(bench: Bench, values: Sequence[int]) -> Artifact:
    """A table in the store, as the engine hands it over."""
    found = table(
        bench.folder / f"made{bench.number()}.parquet",
        [{"a": value} for value in values],
        a="int64",
    )
    place = bench.folder / ".stackc" / "objects" / found.digest[:2] / f"{found.digest[2:]}.parquet"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    shutil.copyfile(found.path, place)
    return Artifact(place, found.digest, found.type)


def values(path: Path) -> list[int]:
    """The values of such a table."""
    found: list[int] = pq.read_table(path)["a"].to_pylist()
    return found


def verdict(bench: Bench, *rules: RuleResult) -> Artifact:
    """A verdict on a table."""
    blocked = any(not rule["passed"] and rule["on_failure"] == "block" for rule in rules)
    found = Verdict(rows=100, blocked=blocked, rules=list(rules))
    path = bench.folder / "verdict.json"
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
