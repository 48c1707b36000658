"""How stackc speaks with the host: a JSON line there, a JSON line back, over a unix socket.

The socket lies in a folder that only this user may open. ``{"do": "state"}``
lists what serves and is watched; ``deploy`` and ``remove`` change it; ``watch``,
``unwatch`` and ``close`` concern a monitor; ``stop`` ends the host.
"""

from __future__ import annotations

import hashlib
import json
import socket
import socketserver
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

_LONGEST = 1 << 20
Handler = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def ask(path: Path, request: Mapping[str, Any], timeout: float) -> dict[str, Any]:
    """Send one request and wait for its answer.

    Raises:
        OSError: Nobody answers there, or not in time.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(timeout)
        line.connect(str(path))
        with line.makefile("rwb") as stream:
            stream.write(json.dumps(request).encode() + b"\n")
            stream.flush()
            answer = stream.readline(_LONGEST)
    try:
        found = json.loads(answer)
    except ValueError:
        raise ConnectionError("the host hung up") from None
    return found if isinstance(found, dict) else {}


def key_digest(salt: str, key: str | None) -> str | None:
    """What tells two keys apart without showing them; the salt is new with each host."""
    return hashlib.sha256(f"{salt}\0{key}".encode()).hexdigest() if key is not None else None


class ControlServer(socketserver.ThreadingUnixStreamServer):
    """Answers requests with a handler, each in a thread of its own."""

    daemon_threads = True

    def __init__(self, path: Path, handler: Handler) -> None:
        self.handler = handler
        super().__init__(str(path), _Line)


class _Line(socketserver.StreamRequestHandler):
    server: ControlServer

    def handle(self) -> None:
        try:
            request = json.loads(self.rfile.readline(_LONGEST))
            answer = self.server.handler(request)
        except Exception as error:  # whatever it is, the one who asked must hear of it
            answer = {"error": f"{type(error).__name__}: {error}"}
        self.wfile.write(json.dumps(answer).encode() + b"\n")
