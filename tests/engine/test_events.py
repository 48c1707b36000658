"""The outbox: what is told, to whom, at least once, and that it never fails a run."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from compiler.backend import Backend, Lowering
from compiler.diagnostics import Findings
from compiler.engine import outbox
from compiler.engine.apply import apply_plan
from compiler.engine.planning import make_plan
from compiler.engine.project import open_project
from compiler.engine.results import RunResult
from compiler.graph.operations import Channel
from compiler.lower import lower
from tests.engine.support import (
    KNOWN,
    LIMITS,
    backends,
    channel,
    line,
    node,
    run,
    write_numbers,
)

HOOKS = Backend("hooks", {Channel: Lowering("backends.local.notify:Channels")})


def mails(root: Path) -> list[dict[str, Any]]:
    path = root / "ops.mail"
    return [json.loads(text) for text in path.read_text().splitlines()] if path.exists() else []


def test_a_run_is_told_of_once(tmp_path: Path) -> None:
    root = write_numbers(tmp_path)
    wanted = line(extra=(channel(("run.finished", "model.registered")),))
    assert run(root, wanted).ok
    assert run(root, wanted).status == "nothing"
    told = mails(root)
    assert [mail["type"].removeprefix("dev.stackc.") for mail in told] == [
        "model.registered",
        "model.registered",
        "run.finished",
    ]
    assert len({mail["id"] for mail in told}) == 3
    assert told[-1]["specversion"] == "1.0"
    assert told[-1]["source"].startswith("urn:stackc:")


def test_a_channel_gets_only_what_it_wants_and_nothing_of_the_past(tmp_path: Path) -> None:
    root = write_numbers(tmp_path)
    run(root, line())
    run(root, line(amount=2, extra=(channel(("run.failed",)),)))
    assert mails(root) == []
    run(root, line(amount=2, mood="gate", extra=(channel(("run.failed", "gate.failed")),)))
    told = [mail["type"] for mail in mails(root)]
    assert told == ["dev.stackc.gate.failed", "dev.stackc.run.failed"]
    assert mails(root)[0]["data"]["notes"] == ["FAILED  x >= 1"]


def test_rejected_data_is_told(tmp_path: Path) -> None:
    root = write_numbers(tmp_path)
    result = run(root, line(most=2, extra=(channel(("data.rejected",)),)))
    assert [found.code.value for found in result.diagnostics] == ["E706"]
    assert [mail["subject"] for mail in mails(root)] == ["sources.numbers"]


def test_a_dead_channel_is_a_warning_and_is_told_at_the_next_apply(tmp_path: Path) -> None:
    root = write_numbers(tmp_path)
    wanted = line(extra=(channel(),))
    (root / "mail.broken").touch()
    result = run(root, wanted)
    assert result.status == "done"
    assert [found.code.value for found in result.diagnostics] == ["W701"]
    assert mails(root) == []
    again = run(root, wanted)
    assert (again.status, [d.code.value for d in again.diagnostics]) == ("nothing", ["W701"])
    (root / "mail.broken").unlink()
    run(root, wanted)
    assert [mail["type"] for mail in mails(root)] == ["dev.stackc.run.finished"]


def test_a_channel_that_is_gone_is_told_nothing(tmp_path: Path) -> None:
    root = write_numbers(tmp_path)
    (root / "mail.broken").touch()
    run(root, line(extra=(channel(),)))
    (root / "mail.broken").unlink()
    run(root, line())
    run(root, line(extra=(channel(),)))
    assert [mail["data"]["message"].split(":")[0] for mail in mails(root)] == ["toys"]
    with open_project(root, write=False) as project:
        assert len(outbox.events(project.state)) == 5


@contextmanager
def server(status: int) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A real web server, and what it was sent."""
    seen: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Quietly."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}/hook", seen
        http.shutdown()


def hooked(root: Path, amount: int = 1) -> RunResult:
    """A run that tells a webhook, by the embedded backend."""
    hook = node(
        "notifications.ops/channel", Channel("ops", "${secret:HOOK}", (), ("run.finished",))
    )
    wanted = line(amount, extra=(hook,))
    findings = Findings()
    config = {**backends(), "notify": "hooks"}
    tasks = lower(wanted, config, findings, {**KNOWN, "hooks": HOOKS})
    findings.stop_on_errors()
    with open_project(root, write=True, limits=LIMITS) as project:
        made = make_plan(project, wanted, tasks, Findings())
        return apply_plan(project, wanted, tasks, made)


def test_a_webhook_is_told_as_soon_as_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_numbers(tmp_path)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{unused.getsockname()[1]}/hook"
    monkeypatch.setenv("HOOK", dead)
    result = hooked(root)
    assert result.status == "done"
    assert [found.code.value for found in result.diagnostics] == ["W701"]
    with server(500) as (url, refused):
        monkeypatch.setenv("HOOK", url)
        assert [found.code.value for found in hooked(root).diagnostics] == ["W701"]
    with server(200) as (url, seen):
        monkeypatch.setenv("HOOK", url)
        assert hooked(root).diagnostics == ()
        assert hooked(root, amount=2).diagnostics == ()
    assert [event["type"] for event in seen] == ["dev.stackc.run.finished"] * 2
    assert refused[0]["id"] == seen[0]["id"] != seen[1]["id"]
