"""The double as an HTTP server that can be told to misbehave."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.lakefs_double.contract import BASE, Contract, answer
from tests.lakefs_double.handlers import HANDLERS, Asked, State, Told
from tests.lakefs_double.model import Refused
from tests.lakefs_double.objects import Objects

KEY, SECRET = "AKIADOUBLE", "the-secret-of-the-double"
How = Literal["refuse", "slow", "cut", "lost", "half", "other"]


@dataclass
class Fault:
    """How the next answers to an operation go wrong.

    ``refuse``: with ``status``, and nothing is done. ``slow``: after a while.
    ``lost``: it is done, and the connection is cut before the answer. ``cut``:
    in the middle of the answer. ``half``: JSON that ends too early. ``other``:
    a page that some other server would give.
    """

    operation: str
    how: How
    status: int = 500
    times: int = 1_000_000


@dataclass
class Double:
    """The running double."""

    contract: Contract
    state: State
    calls: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    endpoint: str = ""
    guard: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def fault(
        self, operation: str, how: How, status: int = 500, times: int = 1_000_000
    ) -> Iterator[None]:
        """Misbehave for a while."""
        fault = Fault(operation, how, status, times)
        self.faults.append(fault)
        try:
            yield
        finally:
            self.faults.remove(fault)

    def due(self, operation: str) -> Fault | None:
        """The fault that an operation meets now."""
        for fault in self.faults:
            if fault.operation in (operation, "*") and fault.times > 0:
                fault.times -= 1
                return fault
        return None


@contextmanager
def serving(contract: Contract, objects: Objects, *, presign: bool = False) -> Iterator[Double]:
    """A double on a free port; what broke the contract is in ``violations``."""
    double = Double(contract, State(objects, presign))
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"double": double}))
    server.daemon_threads = True
    double.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield double
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    double: Double
    protocol_version = "HTTP/1.1"
    # One packet an answer: in two, each would wait for the other side's delayed word.
    wbufsize = -1

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def _handle(self) -> None:
        body = self._body()
        parts = urlsplit(self.path)
        path, query = unquote(parts.path), parse_qsl(parts.query, keep_blank_values=True)
        headers = {name.lower(): value for name, value in self.headers.items()}
        found = self.double.contract.operation(self.command, path.removeprefix(BASE))
        if found is None or not path.startswith(BASE) or found[0] not in HANDLERS:
            self.double.violations.append(f"{self.command} {path} is no operation of the double")
            self._send(Told(500, {"message": "no such operation"}))
            return
        operation, named = found
        self.double.calls.append(operation)
        request = self.double.contract.request(
            self.double.endpoint, self.command, path, query, headers, body
        )
        self.double.violations.extend(self.double.contract.problems(request))
        fault = self.double.due(operation)
        if fault is not None and fault.how == "slow":
            time.sleep(1)
        if fault is not None and fault.how == "refuse":
            told = _refusal(operation, fault.status, "told to refuse")
        elif fault is not None and fault.how == "other":
            self._send(Told(200, data=b"<html>", headers={"Content-Type": "text/html"}))
            return
        else:
            told = self._told(operation, Asked(named, dict(query), headers, body))
        kind = _kind(told)
        checked = answer(told.status, kind, dict(told.headers), _data(told))
        if told.status != 302:
            self.double.violations.extend(self.double.contract.problems(request, checked))
        self._send(told, fault)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _handle  # noqa: N815

    def _told(self, operation: str, asked: Asked) -> Told:
        wanted = base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
        if asked.headers.get("authorization") != f"Basic {wanted}":
            return Told(401, {"message": "error authenticating request"})
        try:
            with self.double.guard:
                return HANDLERS[operation](self.double.state, asked)
        except Refused as refused:
            return _refusal(operation, refused.status, refused.message)

    def _send(self, told: Told, fault: Fault | None = None) -> None:
        data = _data(told) or b""
        how = fault.how if fault is not None else None
        if how == "lost":
            self.close_connection = True
            return
        self.send_response(told.status)
        for name, value in told.headers.items():
            if name.lower() != "content-type":
                self.send_header(name, value)
        if how == "half":
            data = data[: len(data) // 2]
        self.send_header("Content-Type", _kind(told))
        if told.status not in (204, 304):
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if how == "cut":
            self.close_connection = True
            data = data[: len(data) // 2]
        if self.command != "HEAD":
            self.wfile.write(data)


def _refusal(operation: str, status: int, message: str) -> Told:
    # A merge that meets a conflict answers as a merge does.
    conflict = operation == "mergeIntoBranch" and status == 409
    return Told(status, {"reference": ""} if conflict else {"message": message})


def _data(told: Told) -> bytes | None:
    return json.dumps(told.json).encode() if told.json is not None else told.data


def _kind(told: Told) -> str:
    plain = "application/json" if told.json is not None else "application/octet-stream"
    return told.headers.get("Content-Type", plain)
