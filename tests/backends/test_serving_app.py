"""The application over HTTP: answers equal to Score's, and no body that makes it fail."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from msgspec.structs import replace

from backends.serving import app as application
from backends.serving import wire
from backends.serving.app import App, Deployed, Limits, Models, make_app
from backends.serving.model import ServedModel
from backends.serving.rows import Reader, Rows, Scores
from compiler.graph.types import Column, DataType, Task
from tests.backends.serving_bench import made
from tests.conformance.bench import REQUEST

ROW: dict[str, Any] = {f"x{at}": 1.5 for at in range(6)} | {"size": "small"}


def serving(**deployed: Deployed) -> App:
    """An application of these."""
    models = Models()
    for name, held in deployed.items():
        models.put(name, held)
    return make_app(models)


def ask(app: App, method: str, path: str, **options: Any) -> httpx.Response:
    """One request."""

    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://stackc") as client:
            return await client.request(method, path, **options)

    return asyncio.run(asked())


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    """A table's rows as a request has them."""
    found: list[dict[str, Any]] = table.select([c.name for c in REQUEST]).to_pylist()
    return found


@pytest.fixture(scope="module")
def app() -> App:
    return serving(cancer=made(Task.BINARY).served())


@pytest.mark.parametrize("inline", [0, 1 << 30])
@pytest.mark.parametrize("algorithm", ["linear", "xgboost"])
@pytest.mark.parametrize("task", Task)
def test_answers_are_those_of_score_bit_for_bit(
    task: Task, algorithm: str, inline: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "INLINE_BYTES", inline)
    of = made(task, algorithm)
    app, rows = serving(m=of.served()), rows_of(pq.read_table(of.table.path))
    wanted = orjson.loads(orjson.dumps(of.scored.to_pylist()))
    together = ask(app, "POST", "/m", json={"rows": rows}).json()["predictions"]
    alone = [ask(app, "POST", "/m", json=row).json()["predictions"][0] for row in rows[:40]]
    assert together == wanted
    assert alone == wanted[:40]
    for name in of.scored.column_names:
        held = of.scored.column(name).to_numpy()
        back = np.array([row[name] for row in together], held.dtype)
        assert back.tolist() == held.tolist()


@pytest.mark.parametrize("task", Task)
def test_tensors_are_answered_as_rows_are(task: Task) -> None:
    of = made(task)
    app, table = serving(m=of.served()), pq.read_table(of.table.path)
    described = ask(app, "GET", "/v2/models/m").json()
    inputs = [
        {**tensor, "shape": [table.num_rows, 1], "data": [[v] for v in column]}
        for tensor in described["inputs"]
        for column in [table.column(tensor["name"]).to_pylist()]
    ]
    said = ask(app, "POST", "/v2/models/m/infer", json={"id": "7", "inputs": inputs}).json()
    assert (said["model_name"], said["model_version"], said["id"]) == ("m", "3", "7")
    kinds = [(output["name"], output["datatype"]) for output in said["outputs"]]
    assert kinds == [(output["name"], output["datatype"]) for output in described["outputs"]]
    for output in said["outputs"]:
        assert output["shape"] == [table.num_rows]
        assert output["data"] == of.scored.column(output["name"]).to_pylist()
    one = {"inputs": inputs, "outputs": [{"name": "prediction"}]}
    assert len(ask(app, "POST", "/v2/models/m/infer", json=one).json()["outputs"]) == 1


def test_a_deployment_tells_of_itself(app: App) -> None:
    said = ask(app, "GET", "/cancer").json()
    assert (said["deployment"], said["revision"], said["task"]) == ("cancer", 3, "binary")
    assert list(said["request"]["properties"]) == [column.name for column in REQUEST]
    assert ask(app, "HEAD", "/cancer").content == b""
    for path in ("/healthz", "/v2", "/v2/health/live", "/v2/health/ready", "/v2/models/cancer"):
        assert ask(app, "GET", path).status_code == 200
    assert ask(app, "GET", "/v2/models/cancer/ready").json() == {"name": "cancer", "ready": True}


def test_the_openapi_document_fits_what_is_taken_and_answered(app: App) -> None:
    document = ask(app, "GET", "/openapi.json").json()
    said = ask(app, "POST", "/cancer", json=ROW).json()
    content = document["paths"]["/cancer"]["post"]
    for schema, value in (
        (content["requestBody"]["content"]["application/json"]["schema"], ROW),
        (content["requestBody"]["content"]["application/json"]["schema"], {"rows": [ROW]}),
        (content["responses"]["200"]["content"]["application/json"]["schema"], said),
    ):
        whole = {**schema, "components": document["components"]}
        Draft202012Validator(whole).validate(value)
    assert document["openapi"] == "3.1.0"


def test_a_request_may_carry_its_key() -> None:
    """Told in the OpenAPI document and to tensors, answered as if it were not there."""
    plain = made(Task.BINARY).served()
    key = (Column("id", DataType("int64")), Column("size", DataType("string")))
    reader = Reader.of(plain.model.request, key)
    app = serving(m=Deployed(replace(plain.model, reader=reader), 1, "d"))
    keyed = {**ROW, "id": 7}
    content = ask(app, "GET", "/openapi.json").json()
    schema = content["components"]["schemas"]["m.row"]
    Draft202012Validator(schema).validate(keyed)
    Draft202012Validator(schema).validate(ROW)
    said = [ask(app, "POST", "/m", json=row).json() for row in (ROW, keyed)]
    assert said[0] == said[1]
    described = ask(app, "GET", "/v2/models/m").json()["inputs"]
    assert described[-1] == {"name": "id", "datatype": "INT64", "shape": [-1]}
    inputs = [{**tensor, "shape": [1], "data": [keyed[tensor["name"]]]} for tensor in described]
    for sent in (inputs, inputs[:-1]):
        found = ask(app, "POST", "/v2/models/m/infer", json={"inputs": sent})
        assert found.status_code == 200
    wrong = ask(app, "POST", "/m", json={"rows": [keyed, {**ROW, "id": "seven"}]})
    assert wrong.status_code == 422
    assert wrong.json()["problems"][0] == {
        "row": 1, "column": "id", "message": '"seven" is no integer'
    }  # fmt: skip


def test_requests_are_counted() -> None:
    app = serving(m=made(Task.BINARY).served())
    ask(app, "POST", "/m", json={"rows": [ROW, ROW]})
    ask(app, "POST", "/m", json={"rows": [{}]})
    text = ask(app, "GET", "/metrics").text
    assert 'stackc_requests_total{deployment="m",status="200"} 1.0' in text
    assert 'stackc_requests_total{deployment="m",status="422"} 1.0' in text
    assert 'stackc_rows_total{deployment="m"} 2.0' in text
    assert 'stackc_request_seconds_count{deployment="m"} 2.0' in text
    assert 'stackc_revision{deployment="m"} 3.0' in text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("POST", "/cancre", 404),
        ("GET", "/a/b/c", 404),
        ("GET", "/v2/models/x", 404),
        ("DELETE", "/cancer", 405),
        ("POST", "/healthz", 405),
        ("GET", "/v2/models/cancer/infer", 405),
        ("POST", "/v2/models/cancer", 405),
    ],
)
def test_what_is_not_there_is_told(app: App, method: str, path: str, status: int) -> None:
    found = ask(app, method, path)
    assert found.status_code == status
    assert found.json()["status"] == status
    if path == "/cancre":
        assert "did you mean `cancer`?" in found.json()["error"]
    assert ("allow" in found.headers) == (status == 405)


@pytest.mark.parametrize("kind", ["x-api-key", "authorization"])
def test_a_key_is_asked_for_everywhere_but_health(kind: str) -> None:
    of = made(Task.BINARY)
    app = serving(closed=of.served(api_key="s3cret"), open=of.served())
    shown = "Bearer s3cret" if kind == "authorization" else "s3cret"
    for path in ("/closed", "/metrics", "/openapi.json", "/v2", "/v2/models/closed", "/nothing"):
        assert ask(app, "GET", path).status_code == 401
        assert ask(app, "GET", path, headers={kind: shown + "x"}).status_code == 401
        assert ask(app, "GET", path, headers={kind: shown}).status_code in (200, 404)
    assert ask(app, "POST", "/closed", json=ROW).status_code == 401
    assert ask(app, "POST", "/closed", json=ROW, headers={kind: shown}).status_code == 200
    assert ask(app, "POST", "/open", json=ROW).status_code == 200
    assert ask(app, "GET", "/healthz").status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b'{"x0": NaN}', 400),
        (b'{"size": "\\ud800"}', 400),
        (b'{"size": "\xff"}', 400),
        (b"[" * 100_000, 400),
        (b"[" * 1000 + b"]" * 1000, 422),
        (b'{"x0":' + b"[" * 1000 + b"]" * 1000 + b"}", 422),
        (b'{"x0": ' + b"9" * 5000 + b"}", 400),
        (b'{"x0": 1e400}', 400),
        (b'{"rows": 1}', 422),
        (b'{"rows": [], "more": 1}', 422),
        (b'{"rows": [1]}', 422),
        (b'{"rows": []}', 200),
        (b'{"rows": [' + b"{}," * 1000 + b"{}]}", 413),
        (b'{"x0":1,"x0":2,"x1":1,"x2":1,"x3":1,"x4":1,"size":"\\u0000"}', 200),
    ],
)
def test_hostile_bodies(app: App, body: bytes, status: int) -> None:
    assert ask(app, "POST", "/cancer", content=body).status_code == status
    assert ask(app, "POST", "/v2/models/cancer/infer", content=body).status_code in (400, 422)


@pytest.mark.parametrize("datatype", [[], {}, None, 1, "FP63"])
def test_a_datatype_that_is_none(app: App, datatype: Any) -> None:
    tensor = {"name": "size", "shape": [1], "datatype": datatype, "data": ["small"]}
    found = ask(app, "POST", "/v2/models/cancer/infer", json={"inputs": [tensor]})
    assert found.status_code == 422
    assert found.json()["problems"][0]["message"] == "`datatype` must be BYTES"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
CELLS = st.dictionaries(st.sampled_from(sorted(ROW)), JSON)
TENSORS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(sorted(ROW)) | JSON,
        "shape": st.just([1]) | JSON,
        "datatype": st.sampled_from(["FP64", "BYTES"]) | JSON,
        "data": st.lists(JSON, max_size=2) | JSON,
    }
)
BODIES = (
    JSON
    | CELLS
    | st.fixed_dictionaries({"rows": st.lists(CELLS | JSON)})
    | st.fixed_dictionaries({"inputs": st.lists(TENSORS | JSON) | JSON, "outputs": JSON})
)


@given(BODIES)
def test_any_json_is_answered_or_refused(app: App, body: Any) -> None:
    for path in ("/cancer", "/v2/models/cancer/infer"):
        found = ask(app, "POST", path, content=json.dumps(body).encode())
        assert found.status_code in (200, 400, 413, 422), found.text
        assert len(found.json().get("problems", ())) <= 20


@given(st.binary())
def test_any_bytes_are_answered_or_refused(app: App, body: bytes) -> None:
    assert ask(app, "POST", "/cancer", content=body).status_code in (200, 400, 422)


def test_a_body_too_large_is_not_read(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MOST_BYTES", 1000)

    async def pieces() -> Any:
        for _ in range(100):
            yield b" " * 100

    assert ask(app, "POST", "/cancer", content=b" " * 1001).status_code == 413
    assert ask(app, "POST", "/cancer", content=pieces()).status_code == 413


class Slow(ServedModel, frozen=True):
    """A model that answers when it is let."""

    gate: threading.Event

    def score(self, rows: Rows) -> Scores:
        """Wait, then answer."""
        self.gate.wait(10)
        return super().score(rows)


def slow(limits: Limits) -> tuple[App, threading.Event]:
    gate, plain = threading.Event(), made(Task.BINARY).served().model
    model = Slow(plain.predictor, plain.reader, plain.threshold, gate)
    return serving(m=Deployed(model, 1, "d", limits)), gate


async def asked_together(app: App, count: int, between: Callable[[], None]) -> list[int]:
    """The statuses of requests sent at once."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://stackc") as client:
        jobs = [asyncio.create_task(client.post("/m", json=ROW)) for _ in range(count)]
        while sum(job.done() for job in jobs) + app.lanes.lane("m").at_work < count:
            await asyncio.sleep(0.01)
        between()
        return [found.status_code for found in await asyncio.gather(*jobs)]


def test_more_than_the_queue_is_asked_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "INLINE_BYTES", 0)
    app, gate = slow(Limits(queue=3))
    statuses = asyncio.run(asked_together(app, 5, gate.set))
    assert sorted(statuses) == [200, 200, 200, 503, 503]


def test_a_request_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "INLINE_BYTES", 0)
    app, gate = slow(Limits(timeout_s=0.05))
    found = ask(app, "POST", "/m", json=ROW)
    gate.set()
    assert found.status_code == 503
    assert found.headers["retry-after"] == "1"


def test_a_swap_is_seen_by_the_next_request_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "INLINE_BYTES", 0)
    app, gate = slow(Limits())

    def swap() -> None:
        app.models.put("m", made(Task.BINARY).served(revision=2))
        gate.set()

    assert asyncio.run(asked_together(app, 1, swap)) == [200]
    assert ask(app, "POST", "/m", json=ROW).json()["revision"] == 2
    app.models.remove("m")
    assert ask(app, "POST", "/m", json=ROW).status_code == 404


def test_what_breaks_here_is_500_without_a_word_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("inside")

    monkeypatch.setattr(ServedModel, "score", broken)
    found = ask(serving(m=made(Task.BINARY).served()), "POST", "/m", json=ROW)
    assert found.status_code == 500
    assert "inside" not in found.text


def test_who_observes_is_told_rows_and_answers_and_cannot_break_a_request() -> None:
    seen: list[tuple[Rows, list[dict[str, Any]]]] = []

    def observe(rows: Rows, found: list[dict[str, Any]], scores: Scores) -> None:
        assert len(scores.values) == rows.count
        seen.append((rows, found))
        raise RuntimeError("full")

    app = serving(m=made(Task.BINARY).served(observe=observe))
    found = ask(app, "POST", "/m", json={"rows": [ROW, {**ROW, "x5": None}]})
    assert found.status_code == 200
    ((rows, told),) = seen
    assert rows.batch().to_pylist() == [ROW, {**ROW, "x5": None}]
    assert told == found.json()["predictions"]
