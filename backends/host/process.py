"""The host's process: found where it runs, started where it does not, and stopped."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
from msgspec import Struct

from backends import detached
from backends.host import HostSettings
from backends.host.control import ask
from compiler.codes import Code
from compiler.diagnostics import StackcError, fail
from compiler.engine import durable

OWNER = "host"
"""Its folder in ``.stackc``."""
FIRST_PORT, LAST_PORT = 8700, 8799
_START_SECONDS = 90.0
_ANSWER_SECONDS = 5.0
_END_SECONDS = 15.0
_DRAIN_SECONDS = 15.0
"""What a host of an earlier version gives requests at work."""


class Running(Struct, frozen=True):
    """A host as it wrote itself down: ``state`` tells whether a copied folder is meant."""

    pid: int
    host: str
    port: int
    control: str
    state: str

    @property
    def url(self) -> str:
        """Where its deployments answer."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def ask(self, request: Mapping[str, Any], timeout: float = _ANSWER_SECONDS) -> dict[str, Any]:
        """One request over the control socket; raises OSError where it does not answer."""
        return ask(Path(self.control), request, timeout)


def record(state: Path) -> Path:
    """Where a host writes itself down; it ends when this file does."""
    return state / OWNER / "process.json"


def log(state: Path) -> Path:
    """What the host has to say."""
    return state / OWNER / "host.log"


def written(state: Path) -> Running | None:
    """The host of this project as it was last written, alive or not."""
    return detached.written(record(state), state, Running)


def running(state: Path) -> Running | None:
    """The host of this project, if it is alive and answers."""
    found = answering(state)
    return found[0] if found is not None else None


def answering(state: Path) -> tuple[Running, dict[str, Any]] | None:
    """The host of this project with what it says of itself, if it is alive and answers."""
    detached.reap()
    found = written(state)
    if found is None or not _mine(Path(found.control)):
        return None
    try:
        answer = found.ask({"do": "state"})
    except OSError:
        return None
    return (found, answer) if answer.get("pid") == found.pid else None


def ensure(state: Path, settings: HostSettings) -> Running:
    """The running host, with these settings; started when there is none.

    Raises:
        StackcError: It does not come up (E717).
    """
    with detached.alone(state / OWNER):
        found = running(state)
        if found is not None:
            if found.host == settings.host and settings.port in (None, found.port):
                return found
            _end(found)
        return _start(state, settings)


def stop(state: Path) -> None:
    """End the host of this project, once the requests at work are answered."""
    with detached.alone(state / OWNER):
        found = running(state)
        if found is not None:
            _end(found)


def _mine(path: Path) -> bool:
    try:
        return path.stat().st_uid == os.getuid()
    except OSError:
        return False


def _end(found: Running) -> None:
    try:
        # What it is itself given to end; requests at work may take as long as they are drained.
        within = float(found.ask({"do": "stop"}).get("within", _DRAIN_SECONDS))
        psutil.Process(found.pid).wait(within + _END_SECONDS)
    except (OSError, psutil.Error):
        return
    finally:
        detached.reap()


def _start(state: Path, settings: HostSettings) -> Running:
    before = written(state)
    durable.remove(record(state))
    if before is not None:
        shutil.rmtree(Path(before.control).parent, ignore_errors=True)
    # Chosen by the process that binds it: two that start at once never choose the same.
    last = [before.port] if before is not None else []
    ports = [settings.port] if settings.port else [*last, *range(FIRST_PORT, LAST_PORT + 1), 0]
    arguments = [str(state.resolve()), settings.host, *map(str, ports)]
    child = detached.start("backends.host.main", arguments, log(state))
    found = detached.awaited(child, lambda: running(state), _START_SECONDS)
    if found is None:
        raise _not_up(state)
    return found


def _not_up(state: Path) -> StackcError:
    return fail(
        Code.DEPLOYMENT_FAILED,
        f"the local host does not come up: {detached.last_words(log(state))}",
        help="choose another address or port with `backends.serve.host` and"
        f" `backends.serve.port`; its log is {log(state)}",
    )
