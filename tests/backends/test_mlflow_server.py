"""MLflow behind HTTP: a real server, and all that may stand in its place or go wrong with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

if find_spec("mlflow") is None:
    pytest.skip("mlflow is not installed", allow_module_level=True)

from backends.mlflow import BACKEND, MlflowSettings
from backends.mlflow.connection import Connection
from compiler.codes import Code
from compiler.diagnostics import Diagnostic, StackcError, fail
from tests.conformance.bench import Bench
from tests.conformance.registers import JUDGE, REGISTER, metrics, model, register
from tests.services import free_port

pytestmark = [pytest.mark.filterwarnings("ignore:.*Any type hint is inferred")]
"""What MLflow warns of in its own code."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`mlflow server` as a user starts it."""
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    command = [
        sys.executable, "-m", "mlflow", "server", "--workers", "1", "--host", "127.0.0.1",
        "--port", str(port), "--backend-store-uri", f"sqlite:///{folder}/mlflow.db",
        "--artifacts-destination", str(folder / "artifacts"),
    ]  # fmt: skip
    plain = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (folder / "log").open("wb") as log:
        started = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **plain},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/health", started, folder / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(started.pid, 15)
        started.wait(30)


def wait_for(address: str, started: subprocess.Popen[bytes], log: Path) -> None:
    """Until it answers."""
    until = time.monotonic() + 240
    while time.monotonic() < until and started.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"no MLflow server: {log.read_text()[-2000:]}")


def test_a_real_server_keeps_two_models_and_gives_them_back(server: str, tmp_path: Path) -> None:
    settings = MlflowSettings(tracking_uri=server, experiment="flights", prefix="team-")
    bench = Bench(BACKEND, tmp_path, settings=settings)
    target = bench.target(REGISTER)()

    first = register(bench, "a", "op1")
    second = register(bench, "b", "op2")
    assert [applied.attributes["version"] for applied in (first, second)] == [1, 2]
    assert not target.read(first.attributes, bench.context())
    assert target.read(second.attributes, bench.context())

    found = target.find("op2", bench.context())
    assert found is not None
    assert found.attributes == second.attributes
    assert found.outcome.files["model"].read_bytes() == model(bench, "b").path.read_bytes()

    shown = Connection(bench.context()).ask("get_registered_model", "team-late")
    assert shown.aliases == {"champion": "2"}
    target.delete(second.attributes, "op3", bench.context())
    assert Connection(bench.context()).ask("get_registered_model", "team-late") is None
    assert target.find("op2", bench.context()) is None


@dataclass
class Answer:
    """What the double says to every request."""

    status: int = 200
    body: bytes = b"{}"
    kind: str = "application/json"
    length: int | None = None
    """Bytes that it promises, where it does not keep the promise."""
    delay: float = 0.0
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)


@contextmanager
def double(answer: Answer) -> Iterator[str]:
    """A server that stands where an MLflow should."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer.asked.append((self.path, dict(self.headers)))
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            time.sleep(answer.delay)
            with suppress(BrokenPipeError):
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.kind)
                self.send_header("Retry-After", "3600")
                self.send_header("Content-Length", str(answer.length or len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_address[1]}"
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()


def error(code: str, message: str) -> bytes:
    """An error as MLflow writes one."""
    return json.dumps({"error_code": code, "message": message}).encode()


def refusal(bench: Bench) -> Diagnostic:
    """What is told of a registration that comes to nothing."""
    with pytest.raises(StackcError) as caught:
        register(bench, "a", "op1")
    (found,) = caught.value.diagnostics
    assert found.code is Code.REGISTRY
    assert "the champion before stays" in found.help[1]
    return found


@pytest.mark.parametrize(
    ("answer", "said", "way"),
    [
        (Answer(401, b"Unauthorized", "text/plain"), "does not know the user", "`password`"),
        (Answer(401, error("UNAUTHENTICATED", "who?")), "does not know the user", "`password`"),
        (Answer(403, b"<html>", "text/html"), "does not let the user do this", "`token`"),
        (Answer(403, error("PERMISSION_DENIED", "no")), "does not let the user", "`token`"),
        (Answer(404, b"<html>", "text/html"), "answers with 404, as no MLflow does", "right"),
        (Answer(400, error("BAD_REQUEST", "too much")), "refuses: BAD_REQUEST: too much", "mend"),
        (Answer(500, error("INTERNAL_ERROR", "boom")), "fails: it answers with 500", "log"),
        (Answer(503, b"later", "text/plain"), "fails: it answers with 503", "log"),
        (Answer(200, b"<html>hello", "text/html"), "what is no answer of an MLflow", "right"),
        (Answer(200, b'{"registered_mo'), "what is no answer of an MLflow", "right"),
        (Answer(200, b"[]"), "what is no answer of an MLflow", "right"),
        (Answer(200, b"{}", length=500), "cannot be reached", "right"),
    ],
    ids=lambda value: f"{value.status} {value.body[:12]!r}" if isinstance(value, Answer) else "",
)
def test_what_a_server_may_answer(tmp_path: Path, answer: Answer, said: str, way: str) -> None:
    answer.asked.clear()
    with double(answer) as address:
        settings = MlflowSettings(tracking_uri=address, timeout=5)
        found = refusal(Bench(BACKEND, tmp_path, settings=settings))
    assert said in found.message, found.message
    assert address in found.message
    assert way in found.help[0]
    assert len(answer.asked) <= 3


def test_a_server_that_is_not_there_is_said_soon(tmp_path: Path) -> None:
    settings = MlflowSettings(tracking_uri=f"http://127.0.0.1:{free_port()}")
    began = time.monotonic()
    found = refusal(Bench(BACKEND, tmp_path, settings=settings))
    assert "cannot be reached: Connection refused" in found.message
    assert time.monotonic() - began < 30


def test_a_slow_server_is_waited_for_and_then_told(tmp_path: Path) -> None:
    with double(Answer(delay=2.5)) as address:
        settings = MlflowSettings(tracking_uri=address, timeout=1)
        found = refusal(Bench(BACKEND, tmp_path, settings=settings))
    assert "gives no answer within 1 s" in found.message
    assert "`timeout`" in found.help[0]


def test_a_plan_against_a_broken_server_is_told_and_not_taken_for_an_empty_one(
    tmp_path: Path,
) -> None:
    with double(Answer(404, b"<html>", "text/html")) as address:
        bench = Bench(BACKEND, tmp_path, settings=MlflowSettings(tracking_uri=address))
        for look in (
            lambda: bench.target(REGISTER)().read({"name": REGISTER.name}, bench.context()),
            lambda: bench.target(REGISTER)().find("op1", bench.context()),
            lambda: bench.run(JUDGE, documents(bench), observed="0" * 64),
        ):
            with pytest.raises(StackcError) as caught:
                look()
            assert caught.value.diagnostics[0].code is Code.REGISTRY


def documents(bench: Bench) -> dict[str, Any]:
    return {"metrics": metrics(bench, 0.9), "model": model(bench, "a")}


@pytest.mark.parametrize(
    ("settings", "header"),
    [
        (
            {"username": "ann", "password": "${secret:WORD}"},
            "Basic " + b64encode(b"ann:resolved WORD").decode(),
        ),
        ({"token": "${secret:TOKEN}"}, "Bearer resolved TOKEN"),
    ],
)
def test_credentials_are_resolved_in_the_task_and_stand_over_the_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], header: str
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "somebody")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "else")
    before = dict(os.environ)
    answer = Answer(401, error("UNAUTHENTICATED", "who?"))
    with double(answer) as address:
        bench = Bench(BACKEND, tmp_path, settings=MlflowSettings(tracking_uri=address, **settings))
        context = bench.context(
            secret=lambda text: text.replace("${secret:", "resolved ").replace("}", "")
        )
        with pytest.raises(StackcError):
            bench.target(REGISTER)().find("op1", context)
    assert [headers["Authorization"] for _, headers in answer.asked] == [header]
    assert dict(os.environ) == before


@pytest.mark.parametrize("value", ["ftp://host", "https://me:word@host", "mlruns", "http://[::1"])
def test_an_address_that_is_a_secret_is_refused_without_repeating_it(
    tmp_path: Path, value: str
) -> None:
    settings = MlflowSettings(tracking_uri="${secret:MLFLOW}")
    bench = Bench(BACKEND, tmp_path, settings=settings)
    with pytest.raises(StackcError) as caught:
        bench.target(REGISTER)().find("op1", bench.context(secret=lambda _: value))
    (found,) = caught.value.diagnostics
    assert found.code is Code.REGISTRY
    assert "`${secret:MLFLOW}`" in found.message
    assert value not in str(found)


def test_a_secret_that_is_not_set_is_said_as_everywhere(tmp_path: Path) -> None:
    def unset(text: str) -> str:
        raise fail(Code.SECRET_MISSING, f"{text} is not set")

    settings = MlflowSettings(tracking_uri="http://127.0.0.1:1", token="${secret:TOKEN}")
    bench = Bench(BACKEND, tmp_path, settings=settings)
    with pytest.raises(StackcError) as caught:
        bench.target(REGISTER)().find("op1", bench.context(secret=unset))
    assert [found.code for found in caught.value.diagnostics] == [Code.SECRET_MISSING]
