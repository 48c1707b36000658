"""What every backend that serves must do; a backend's tests inherit it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace

from backends.local import BACKEND as LOCAL
from compiler.backend import Applied, Artifact, Backend, Settings
from compiler.codes import Code
from compiler.diagnostics import StackcError
from compiler.graph.digest import canonical
from compiler.graph.operations import Deploy, Golden, Score
from compiler.graph.types import Task
from tests.conformance.bench import REQUEST, Bench, document, parts, training

NAME = "deployments.api"
PLAIN = Deploy(name=NAME, threshold=0.5)


class ServingSuite:
    """Deploy as the engine sees it, asked over HTTP as a user would."""

    backend: ClassVar[Backend]
    settings: ClassVar[Settings]

    @pytest.fixture
    def local(self, tmp_path: Path) -> Bench:
        folder = tmp_path / "local"
        folder.mkdir()
        return Bench(LOCAL, folder)

    @pytest.fixture
    def bench(self, tmp_path: Path) -> Iterator[Bench]:
        bench = Bench(self.backend, tmp_path, settings=self.settings)
        yield bench
        self.target(bench).delete({"name": NAME, "api_key": None}, "end", bench.context())

    @pytest.fixture
    def rows(self, local: Bench) -> Artifact:
        return parts(local, Task.BINARY)[1]

    @pytest.fixture
    def inputs(self, local: Bench, rows: Artifact) -> dict[str, Artifact]:
        return made(local, rows, max_depth=3)

    def target(self, bench: Bench) -> Any:
        return bench.target(PLAIN)()

    def deployed(
        self, bench: Bench, inputs: dict[str, Artifact], operation: Deploy = PLAIN, by: str = "op1",
    ) -> Applied:  # fmt: skip
        return bench.apply(operation, inputs, by)

    def test_what_is_served_is_what_is_scored_bit_for_bit(
        self, bench: Bench, local: Bench, inputs: dict[str, Artifact], rows: Artifact
    ) -> None:
        """Law 9: served predictions equal evaluated predictions, row for row."""
        url = url_of(self.deployed(bench, inputs))
        outcome = local.run(Score(keep=()), {"model": inputs["model"], "table": rows})
        scored = pq.read_table(outcome.files["table"]).to_pylist()
        answer = httpx.post(url, json={"rows": requests(rows)})
        assert answer.status_code == 200, answer.text
        for served, expected in zip(answer.json()["predictions"], scored, strict=True):
            assert served["prediction"] == expected["prediction"]
            assert pa.scalar(served["probability"], pa.float32()).as_py() == expected["probability"]

    def test_it_is_there_after_it_was_made(self, bench: Bench, inputs: dict[str, Artifact]) -> None:
        applied = self.deployed(bench, inputs)
        assert self.target(bench).read(applied.attributes, bench.context())
        assert [event.type for event in applied.outcome.events] == ["deployment.changed"]
        assert applied.outcome.summary["revision"] == 1

    def test_the_same_again_is_no_new_revision(
        self, bench: Bench, inputs: dict[str, Artifact]
    ) -> None:
        first = self.deployed(bench, inputs)
        again = self.deployed(bench, inputs, by="op2")
        assert again.attributes == first.attributes

    def test_another_threshold_is_a_new_revision(
        self, bench: Bench, local: Bench, inputs: dict[str, Artifact], rows: Artifact
    ) -> None:
        first = self.deployed(bench, inputs)
        strict = {**inputs, "golden": golden(local, inputs["model"], rows, threshold=0.9)}
        second = self.deployed(bench, strict, replace(PLAIN, threshold=0.9), by="op2")
        assert (first.attributes["revision"], second.attributes["revision"]) == (1, 2)
        assert not self.target(bench).read(first.attributes, bench.context())
        assert httpx.get(url_of(second)).json()["revision"] == 2

    def test_a_revision_that_answers_otherwise_never_serves(
        self, bench: Bench, local: Bench, inputs: dict[str, Artifact], rows: Artifact
    ) -> None:
        """The golden rows are asked before the switch: what served before serves on."""
        first = self.deployed(bench, inputs)
        other = {**made(local, rows, max_depth=2), "golden": inputs["golden"]}
        with pytest.raises(StackcError) as caught:
            self.deployed(bench, other, by="op2")
        assert [found.code for found in caught.value.diagnostics] == [Code.DEPLOYMENT_FAILED]
        assert "revision 2 does not serve" in str(caught.value)
        assert httpx.get(url_of(first)).json()["revision"] == 1

    def test_an_interrupted_apply_is_found_by_its_operation(
        self, bench: Bench, inputs: dict[str, Artifact]
    ) -> None:
        target = self.target(bench)
        assert target.find("op1", bench.context()) is None
        applied = self.deployed(bench, inputs)
        found = target.find("op1", bench.context())
        assert found is not None
        assert found.attributes == applied.attributes
        assert target.find("other", bench.context()) is None

    def test_rolled_back_the_former_revision_serves_again(
        self, bench: Bench, local: Bench, inputs: dict[str, Artifact], rows: Artifact
    ) -> None:
        first = self.deployed(bench, inputs)
        second = self.deployed(bench, made(local, rows, max_depth=2), by="op2")
        target = self.target(bench)
        back = target.rollback(second.attributes, "op3", bench.context())
        assert back.attributes == {**first.attributes, "rolled_back_from": 2}
        assert target.read(back.attributes, bench.context())
        served = httpx.get(url_of(back)).json()
        assert (served["revision"], served["model"]) == (1, inputs["model"].digest)
        assert [event.data["rolled_back_from"] for event in back.outcome.events] == [2]
        again = target.rollback(second.attributes, "op3", bench.context())
        assert again.attributes == back.attributes, "the same operation is the same effect"
        found = target.find("op3", bench.context())
        assert found is not None
        assert found.attributes == back.attributes

    def test_what_was_rolled_back_is_deployed_as_a_new_revision(
        self, bench: Bench, local: Bench, inputs: dict[str, Artifact], rows: Artifact
    ) -> None:
        self.deployed(bench, inputs)
        newer = made(local, rows, max_depth=2)
        second = self.deployed(bench, newer, by="op2")
        self.target(bench).rollback(second.attributes, "op3", bench.context())
        third = self.deployed(bench, newer, by="op4")
        assert third.attributes == {**second.attributes, "revision": 3}

    def test_the_first_revision_cannot_be_rolled_back(
        self, bench: Bench, inputs: dict[str, Artifact]
    ) -> None:
        first = self.deployed(bench, inputs)
        with pytest.raises(StackcError) as caught:
            self.target(bench).rollback(first.attributes, "op2", bench.context())
        assert [found.code for found in caught.value.diagnostics] == [Code.NO_FORMER_REVISION]
        assert httpx.get(url_of(first)).json()["revision"] == 1

    def test_deleted_it_answers_no_more(self, bench: Bench, inputs: dict[str, Artifact]) -> None:
        applied = self.deployed(bench, inputs)
        target = self.target(bench)
        target.delete(applied.attributes, "op2", bench.context())
        assert not target.read(applied.attributes, bench.context())
        assert silent(url_of(applied))
        target.delete(applied.attributes, "op3", bench.context())

    def test_a_key_is_asked_for_and_never_written(
        self, bench: Bench, inputs: dict[str, Artifact]
    ) -> None:
        guarded = replace(PLAIN, api_key="${secret:KEY}")
        keys = {"${secret:KEY}": "first-and-secret"}
        applied = bench.apply(guarded, inputs, "op1", secret=keys.__getitem__)
        url = url_of(applied)
        assert httpx.get(url).status_code == 401
        assert httpx.get(url, headers={"X-API-Key": "other"}).status_code == 401
        assert httpx.get(url, headers={"X-API-Key": "first-and-secret"}).status_code == 200
        bearer = {"Authorization": "Bearer first-and-secret"}
        assert httpx.get(url, headers=bearer).status_code == 200
        assert self.target(bench).read(applied.attributes, bench.context(secret=keys.__getitem__))
        changed = {"${secret:KEY}": "second-and-secret"}
        assert not self.target(bench).read(
            applied.attributes, bench.context(secret=changed.__getitem__)
        )
        for path in (bench.folder / ".stackc").rglob("*"):
            if path.is_file():
                assert b"first-and-secret" not in path.read_bytes()

    def test_bad_requests_are_told_what_is_wrong(
        self, bench: Bench, inputs: dict[str, Artifact], rows: Artifact
    ) -> None:
        url = url_of(self.deployed(bench, inputs))
        row = requests(rows)[0]
        answer = httpx.post(url, json={"rows": [{**row, "x0": "wide"}]})
        assert answer.status_code == 422
        assert answer.json()["problems"][0]["column"] == "x0"
        for body in (b"", b"{", b"[]", b'{"rows": 3}', b'{"rows": [[[]]]}', b"\xff"):
            assert httpx.post(url, content=body).status_code in (400, 422)
        assert httpx.post(url, json={"rows": [row]}).status_code == 200


def made(local: Bench, rows: Artifact, **algorithm: Any) -> dict[str, Artifact]:
    """A model and the answers that its evaluation gave."""
    train = parts(local, Task.BINARY)[0]
    plain = training(Task.BINARY, "xgboost")
    asked = tuple((name, algorithm.get(name, value)) for name, value in plain.parameters)
    model = local.model(replace(plain, parameters=asked), train).model
    return {"model": model, "golden": golden(local, model, rows)}


def golden(local: Bench, model: Artifact, rows: Artifact, threshold: float = 0.5) -> Artifact:
    """The golden rows of a model."""
    outcome = local.run(Golden(threshold=threshold), {"model": model, "table": rows})
    return document(outcome.files["golden"], "golden")


def requests(rows: Artifact) -> list[dict[str, Any]]:
    """The rows of a table as a client sends them."""
    names = [column.name for column in REQUEST]
    found: list[dict[str, Any]] = pq.read_table(rows.path, columns=names).to_pylist()
    return found


def silent(url: str) -> bool:
    """Whether nothing is served there: nobody listens, or who does knows of nothing."""
    try:
        return httpx.get(url).status_code == 404
    except httpx.TransportError:
        return True


def url_of(applied: Applied) -> str:
    """Where a deployment answers."""
    found = json.loads(applied.outcome.files["endpoint"].read_bytes())
    assert canonical(found) == applied.outcome.files["endpoint"].read_bytes()
    url: str = found["url"]
    return url
