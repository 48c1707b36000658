"""What every backend that serves must do for a monitor; a backend's tests inherit it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, cast

import httpx
import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace

from backends.local import BACKEND as LOCAL
from backends.models.answered import kept
from backends.whylogs import BACKEND as WHYLOGS
from backends.whylogs.container import read_profile
from backends.whylogs.drift import drift_of
from compiler.backend import Applied, Artifact, Backend, Settings, Traffic
from compiler.graph.digest import canonical
from compiler.graph.documents import Drift
from compiler.graph.operations import CompareProfiles, Measure, Profile, Watch
from compiler.graph.types import ProfileType, Task
from tests.conformance.bench import REQUEST, Bench, artifact, parts, real
from tests.conformance.serving import NAME, PLAIN, made, requests, url_of

MONITOR = "monitors.live"
COLUMNS = tuple(column.name for column in REQUEST)
# Long, so that no test runs over the end of one.
WATCH = Watch(MONITOR, NAME, 864_000, CompareProfiles(COLUMNS, "psi", 0.2), ("notifications.ops",))


class WatchingSuite:
    """Watch as the engine sees it; the traffic is real requests."""

    backend: ClassVar[Backend]
    settings: ClassVar[Settings]

    @pytest.fixture
    def local(self, tmp_path: Path) -> Bench:
        folder = tmp_path / "local"
        folder.mkdir()
        return Bench(LOCAL, folder)

    @pytest.fixture
    def rows(self, local: Bench) -> Artifact:
        return parts(local, Task.BINARY)[1]

    @pytest.fixture
    def reference(self, local: Bench) -> Artifact:
        """The profile of the part that the model has learned from."""
        return profiled(local, parts(local, Task.BINARY)[0])

    @pytest.fixture
    def bench(self, tmp_path: Path, local: Bench, rows: Artifact) -> Iterator[Bench]:
        bench = Bench(self.backend, tmp_path, settings=self.settings)
        self.url = url_of(bench.apply(PLAIN, made(local, rows, max_depth=3), "deploy"))
        yield bench
        bench.target(PLAIN)().delete({"name": NAME, "api_key": None}, "end", bench.context())

    def target(self, bench: Bench) -> Any:
        return bench.target(WATCH)()

    def watched(
        self, bench: Bench, reference: Artifact, by: str = "op1", operation: Watch = WATCH
    ) -> Applied:
        return bench.apply(operation, {"reference": reference, "endpoint": reference}, by)

    def ask(self, rows: list[dict[str, Any]], together: bool = True) -> None:
        """Send rows, in one request or in one each."""
        for body in [{"rows": rows}] if together else rows:
            assert httpx.post(self.url, json=body).status_code == 200

    def closed(self, bench: Bench, applied: Applied) -> Traffic:
        """What there is to judge once the open window is ended."""
        found: Traffic = self.target(bench).windows(applied.attributes, True, bench.context())
        return found

    def test_what_is_asked_is_sketched_as_a_table_of_it_would_be(
        self, bench: Bench, local: Bench, rows: Artifact, reference: Artifact
    ) -> None:
        """Asked one by one or together, the distances are those of the same rows in a table."""
        applied = self.watched(bench, reference)
        asked = requests(rows)
        self.ask(asked[:10], together=False)
        self.ask(asked[10:])
        traffic = self.closed(bench, applied)
        assert len(traffic.batches) == 1
        batch = traffic.batches[0]
        live = drift_of(WATCH.compare, read_profile(batch.reference), read_profile(batch.profile))
        table = profiled(local, rows)
        plain = drift_of(WATCH.compare, read_profile(batch.reference), read_profile(table.path))
        assert live["windows"][0]["rows"] == len(asked)
        for column, expected in zip(
            live["windows"][0]["columns"], plain["windows"][0]["columns"], strict=True
        ):
            assert column["column"] == expected["column"]
            assert column["distance"] == pytest.approx(expected["distance"], abs=0.05)
            assert (column["nulls"], column["unknown"]) == (expected["nulls"], expected["unknown"])

    def test_answers_are_sketched_too_and_no_row_is_kept(
        self, bench: Bench, rows: Artifact, reference: Artifact
    ) -> None:
        applied = self.watched(bench, reference)
        odd = {**requests(rows)[0], "x0": 1234.56789}
        self.ask([odd] * 3 + requests(rows)[:37])
        (batch,) = self.closed(bench, applied).batches
        columns = {column.name for column in read_profile(batch.profile).columns}
        assert columns == {*COLUMNS, "prediction", "probability"}
        for path in (bench.folder / ".stackc").rglob("*"):
            if path.is_file() and path.suffix not in (".onnx", ".json"):
                assert b"1234.56789" not in path.read_bytes()

    def test_a_refused_request_is_no_traffic(self, bench: Bench, reference: Artifact) -> None:
        applied = self.watched(bench, reference)
        assert httpx.post(self.url, json={"x0": "wide"}).status_code == 422
        assert self.closed(bench, applied) == Traffic()

    def test_a_window_is_open_until_it_is_over(
        self, bench: Bench, rows: Artifact, reference: Artifact
    ) -> None:
        applied = self.watched(bench, reference)
        self.ask(requests(rows)[:5])
        target = self.target(bench)
        assert target.windows(applied.attributes, False, bench.context()).batches == ()
        self.closed(bench, applied)
        self.ask(requests(rows)[:7])
        labels = [label for b in self.closed(bench, applied).batches for label in b.labels]
        assert len(labels) == len(set(labels)) == 2

    def test_what_was_judged_is_forgotten_and_its_document_kept(
        self, bench: Bench, rows: Artifact, reference: Artifact, tmp_path: Path
    ) -> None:
        applied = self.watched(bench, reference)
        assert document(applied)["windows"] == []
        self.ask(requests(rows))
        (batch,) = self.closed(bench, applied).batches
        drift = drift_of(WATCH.compare, read_profile(batch.reference), read_profile(batch.profile))
        kept = tmp_path / "kept.json"
        kept.write_bytes(canonical(drift))
        self.target(bench).judged(applied.attributes, batch.labels, kept, bench.context())
        assert self.closed(bench, applied) == Traffic()
        assert document(self.watched(bench, reference, "op2")) == drift

    def test_another_reference_leaves_what_was_gathered_to_the_one_before(
        self, bench: Bench, local: Bench, rows: Artifact, reference: Artifact
    ) -> None:
        """A model trained anew begins new windows; the old ones are held against the old."""
        first = self.watched(bench, reference)
        self.ask(requests(rows)[:40])
        other = profiled(local, local.table(real(Task.BINARY).slice(0, 100)))
        second = self.watched(bench, other, "op2")
        assert not self.target(bench).read(first.attributes, bench.context())
        self.ask(requests(rows)[:50])
        batches = self.closed(bench, second).batches
        found = {read_profile(b.profile).rows: b.reference.read_bytes() for b in batches}
        assert found == {40: reference.path.read_bytes(), 50: other.path.read_bytes()}

    def test_other_limits_go_on_with_the_window(
        self, bench: Bench, rows: Artifact, reference: Artifact
    ) -> None:
        self.watched(bench, reference)
        self.ask(requests(rows)[:40])
        strict = replace(WATCH, compare=replace(WATCH.compare, threshold=0.1))
        second = self.watched(bench, reference, "op2", strict)
        self.ask(requests(rows)[:10])
        traffic = self.closed(bench, second)
        assert sum(read_profile(batch.profile).rows for batch in traffic.batches) == 50

    def test_answers_wait_for_labels_until_they_are_measured(
        self, bench: Bench, local: Bench, rows: Artifact, reference: Artifact, tmp_path: Path
    ) -> None:
        """By key, whether rows carry it or not; judging the drift of a window leaves them."""
        keyed = replace(PLAIN, key=(("id", "int64"),))
        self.url = url_of(bench.apply(keyed, made(local, rows, max_depth=3), "keyed"))
        operation = replace(WATCH, measure=Measure("f1", 0.5, Task.BINARY, ("id",), "late", 1))
        applied = self.watched(bench, reference, operation=operation)
        asked = [{**row, "id": at} for at, row in enumerate(requests(rows)[:40])]
        self.ask(asked[:30], together=False)
        self.ask([*asked[30:], *requests(rows)[:3]])
        traffic = self.closed(bench, applied)
        (batch,), (window,) = traffic.batches, traffic.answers
        assert (window.label,) == batch.labels
        files = [*kept(window.folder)]
        ids = [at for f in files for at in pq.read_table(f.path)["key_0"].to_pylist()]
        assert sorted(ids) == [*range(40)]
        assert sum(file.said.left_out for file in files) == 3
        found = tmp_path / "found.json"
        found.write_bytes(canonical({"windows": []}))
        target = self.target(bench)
        target.judged(applied.attributes, batch.labels, found, bench.context())
        left = self.closed(bench, applied)
        assert ([*left.batches], [w.label for w in left.answers]) == ([], [window.label])
        target.measured(applied.attributes, (window.label,), found, bench.context())
        assert self.closed(bench, applied) == Traffic()

    def test_it_is_there_found_by_its_operation_and_gone_when_deleted(
        self, bench: Bench, rows: Artifact, reference: Artifact
    ) -> None:
        target = self.target(bench)
        assert target.find("op1", bench.context()) is None
        applied = self.watched(bench, reference)
        assert target.read(applied.attributes, bench.context())
        found = target.find("op1", bench.context())
        assert found is not None
        assert found.attributes == applied.attributes
        target.delete(applied.attributes, "op2", bench.context())
        assert not target.read(applied.attributes, bench.context())
        self.ask(requests(rows)[:5])
        assert self.closed(bench, applied) == Traffic()
        target.delete(applied.attributes, "op3", bench.context())


def profiled(local: Bench, table: Artifact) -> Artifact:
    """The profile of a table's request columns."""
    desk = Bench(WHYLOGS, local.folder, count=local.count + 1000)
    outcome = desk.run(Profile(COLUMNS), {"table": table})
    local.count = desk.count
    return artifact(outcome.files["profile"], ProfileType(COLUMNS))


def document(applied: Applied) -> Drift:
    """The drift document that a watch says it has."""
    return cast("Drift", json.loads(applied.outcome.files["drift"].read_bytes()))
