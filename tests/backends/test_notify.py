"""Alerts and channels: what is told, to whom, and what an error may say."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from backends.local.notify import Alerts, Channels
from backends.local.webhook import post
from compiler.backend import Artifact, Settings, TaskContext
from compiler.diagnostics import StackcError
from compiler.graph.operations import Alert, Channel
from compiler.graph.types import DocumentType

SECRETS = {"${secret:TOKEN}": "hunter2-token", "${secret:HOOK}": "hunter2-path"}
EVENT = {"specversion": "1.0", "id": "1", "type": "drift.detected", "data": {"ö": "<x>\n"}}


def resolved(text: str) -> str:
    for reference, value in SECRETS.items():
        text = text.replace(reference, value)
    return text


@pytest.fixture
def context(tmp_path: Path) -> TaskContext:
    return TaskContext(
        address="monitors.late/alert",
        key="k",
        input_keys={},
        observed=None,
        project=tmp_path,
        state=tmp_path / ".stackc",
        workdir=tmp_path,
        threads=1,
        memory=1 << 28,
        settings=Settings(),
        secret=resolved,
        progress=lambda text: None,
    )


@dataclass
class Seen:
    """What a webhook was sent."""

    url: str
    requests: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)


@contextmanager
def webhook(status: int = 204, headers: Mapping[str, str] | None = None) -> Iterator[Seen]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen.requests.append((self.path, dict(self.headers), body))
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    seen = Seen(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def channel(url: str | None, **headers: str) -> Channel:
    return Channel("ops", url, tuple(headers.items()))


def test_a_webhook_is_posted_the_event_with_its_secrets_resolved(context: TaskContext) -> None:
    with webhook() as seen:
        hook = channel(seen.url + "/x/${secret:HOOK}", Authorization="Bearer ${secret:TOKEN}")
        Channels().deliver(hook, EVENT, context)
    [(path, headers, body)] = seen.requests
    assert path == "/x/hunter2-path"
    assert headers["Authorization"] == "Bearer hunter2-token"
    assert headers["Content-Type"] == "application/cloudevents+json"
    assert json.loads(body) == EVENT


@pytest.mark.parametrize("status", [400, 404, 500, 503, 599, 302, 307, 304])
def test_every_other_answer_is_a_warning_that_holds_no_secret(
    context: TaskContext, status: int
) -> None:
    with webhook(status, {"Location": "http://127.0.0.1:1/hunter2"}) as seen:
        with pytest.raises(StackcError) as caught:
            Channels().deliver(channel(seen.url + "/${secret:HOOK}"), EVENT, context)
        assert len(seen.requests) == 1
    [finding] = caught.value.diagnostics
    assert finding.code.value == "W701"
    assert str(status) in finding.message
    assert "${secret:HOOK}" in finding.message
    assert finding.help
    assert_silent(caught.value)


def assert_silent(error: BaseException | None) -> None:
    while error is not None:
        assert "hunter2" not in repr(error) + str(error)
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://127.0.0.1:9/${secret:HOOK}", "connection refused"),
        ("http://${secret:HOOK}.invalid/", "host name"),
        ("ftp://example.org/${secret:HOOK}", "neither http nor https"),
        ("file:///etc/passwd?${secret:HOOK}", "neither http nor https"),
        ("${secret:HOOK}", "neither http nor https"),
        ("http:///${secret:HOOK}", "names no host"),
        ("http://me:${secret:HOOK}@127.0.0.1/", "user name"),
        ("http://127.0.0.1:${secret:HOOK}/", "is no url"),
        ("http://[${secret:HOOK}/", "is no url"),
        ("http://127.0.0.1/a b${secret:HOOK}", "characters"),
        ("http://127.0.0.1/\r\nX: ${secret:HOOK}", "characters"),
        ("http://ünï.invalid/${secret:HOOK}", "characters"),
        ("", "neither http nor https"),
    ],
)
def test_a_url_that_cannot_be_used_says_why_and_holds_no_secret(
    context: TaskContext, url: str, says: str
) -> None:
    with pytest.raises(StackcError, match="W701") as caught:
        Channels().deliver(channel(url), EVENT, context)
    assert says in caught.value.diagnostics[0].message
    assert_silent(caught.value)


@pytest.mark.parametrize("value", ["hunter2\r\nX-Evil: 1", "hunter2\x00", "hunter2 é"])
def test_a_header_cannot_smuggle(context: TaskContext, value: str) -> None:
    leaky = replace(context, secret=lambda text: text.replace("${secret:TOKEN}", value))
    with webhook() as seen, pytest.raises(StackcError, match="`X`") as caught:
        Channels().deliver(channel(seen.url, X="${secret:TOKEN}"), EVENT, leaky)
    assert seen.requests == []
    assert_silent(caught.value)


def test_a_server_that_drips_or_talks_nonsense_is_left_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        with pytest.raises(StackcError, match="did not answer"):
            post("ops", url, url, {}, b"{}", timeout=0.3)
        taken, _ = server.accept()
        taken.close()
        thread = threading.Thread(target=_nonsense, args=(server,))
        thread.start()
        with pytest.raises(StackcError, match="not answer as a web server"):
            post("ops", url, url, {}, b"{}", timeout=3)
        thread.join()


def _nonsense(server: socket.socket) -> None:
    taken, _ = server.accept()
    taken.recv(65536)
    taken.sendall(b"\x00\xff SSH-2.0\r\n\r\n")
    taken.close()


def test_without_a_url_events_are_lines_of_the_log(context: TaskContext) -> None:
    for _ in range(2):
        Channels().deliver(channel(None), EVENT, context)
    lines = (context.state / "events.log").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [EVENT, EVENT]


def test_a_channel_itself_does_nothing_outside(context: TaskContext) -> None:
    with webhook() as seen:
        applied = Channels().apply(channel(seen.url), {}, "id-1", context)
        assert Channels().read(applied.attributes, context) is True
        assert Channels().find("id-1", context) is None
        Channels().delete(applied.attributes, "id-2", context)
    assert seen.requests == []
    assert not context.state.exists()


def drift(folder: Path, alert: bool) -> Artifact:
    def column(name: str, distance: float | None, drifted: bool) -> dict[str, Any]:
        return {
            "column": name, "method": "psi", "distance": distance, "drifted": drifted,
            "detail": "", "bins": ["secret value"], "reference": [1.0], "current": [1.0],
        }  # fmt: skip

    calm = {"window": "1", "rows": 90, "drifted": [], "columns": [column("a", 0.1, False)]}
    columns = [column("a", 0.4, True), column("b", 0.9, True), column("c", None, False)]
    loud = {"window": "2", "rows": 80, "drifted": ["a", "b"], "columns": columns}
    document = {
        "method": "auto", "threshold": 0.2, "reference_rows": 1000, "alert": alert,
        "windows": [calm, loud] if alert else [calm],
    }  # fmt: skip
    path = folder / "drift.json"
    path.write_text(json.dumps(document))
    return Artifact(path, f"digest-{alert}", DocumentType("drift"))


ALERT = Alert("monitors.late", ("ops", "team"))


def test_an_alerting_document_makes_one_event(context: TaskContext, tmp_path: Path) -> None:
    applied = Alerts().apply(ALERT, {"drift": drift(tmp_path, True)}, "id-1", context)
    [event] = applied.outcome.events
    assert (event.type, event.severity, event.subject) == (
        "drift.detected", "warning", "monitors.late",
    )  # fmt: skip
    assert event.notify == ("ops", "team")
    assert event.message == (
        "monitors.late: 1 of 2 windows drifted; worst in `2`: b, psi 0.9 (threshold 0.2)"
    )
    assert [c["column"] for c in event.data["windows"][0]["columns"]] == ["b", "a"]
    assert "secret value" not in json.dumps(dict(event.data))
    assert applied.attributes["digest"] == "digest-True"


def test_a_calm_document_makes_none(context: TaskContext, tmp_path: Path) -> None:
    applied = Alerts().apply(ALERT, {"drift": drift(tmp_path, False)}, "id-1", context)
    assert applied.outcome.events == ()
    assert Alerts().read(applied.attributes, context) is True


def test_the_same_id_is_the_same_alert_and_is_found_again(
    context: TaskContext, tmp_path: Path
) -> None:
    assert Alerts().find("id-1", context) is None
    first = Alerts().apply(ALERT, {"drift": drift(tmp_path, True)}, "id-1", context)
    again = Alerts().apply(ALERT, {"drift": drift(tmp_path, False)}, "id-1", context)
    assert first == again == Alerts().find("id-1", context)


def test_what_was_deleted_or_damaged_is_gone(context: TaskContext, tmp_path: Path) -> None:
    applied = Alerts().apply(ALERT, {"drift": drift(tmp_path, True)}, "id-1", context)
    other = replace(context, address="monitors.other/alert")
    kept = Alerts().apply(ALERT, {"drift": drift(tmp_path, True)}, "id-2", other)
    Alerts().delete(applied.attributes, "id-3", context)
    Alerts().delete(applied.attributes, "id-4", context)
    assert Alerts().read(applied.attributes, context) is False
    assert Alerts().read(kept.attributes, other) is True
    [record] = (context.state / "alerts").iterdir()
    record.write_bytes(b'{"half')
    assert Alerts().read(kept.attributes, other) is False
    assert Alerts().find("id-2", other) is None
