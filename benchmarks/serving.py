"""Serving through the local host against an application written by hand on the same model."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles

import orjson

from backends.host.process import running
from benchmarks.measure import ROOT, Result, stackc

CLIENTS, SECONDS, ROUNDS = 16, 3.0, 3
ROW = {"alcohol": 13.2, "malic_acid": 1.8, "color_intensity": 5.1, "hue": 1.0, "proline": 1100.0}
PATH = "/cultivar_api"
WATCHED = "+monitors.traffic={deployment: cultivar_api, window: 1h, drift: {threshold: 0.2}}"


class _Client(asyncio.Protocol):
    """Sends the same request again as soon as it is answered; keeps how long each took."""

    def __init__(self, request: bytes, took: list[float], until: float) -> None:
        self.request, self.took, self.until = request, took, until
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sent, self.buffer = 0.0, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        self.sent = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        if len(body) < length:
            return
        assert head.startswith(b"HTTP/1.1 200"), self.buffer[:500]
        self.buffer = b""
        now = time.perf_counter()
        self.took.append(now - self.sent)
        if now < self.until:
            self.ask()
        elif not self.done.done():
            self.transport.close()
            self.done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("the server hung up"))


async def load(port: int, rows: int) -> tuple[float, float]:
    """Requests per second of all clients together, and the 99th percentile in milliseconds."""
    body = orjson.dumps({"rows": [ROW] * rows})
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    took: list[float] = []
    until = time.perf_counter() + SECONDS
    loop = asyncio.get_running_loop()
    begun = time.perf_counter()
    clients = [
        (await loop.create_connection(lambda: _Client(request, took, until), "127.0.0.1", port))[1]
        for _ in range(CLIENTS)
    ]
    await asyncio.gather(*(client.done for client in clients))
    seconds = time.perf_counter() - begun
    return len(took) / seconds, quantiles(took, n=100)[98] * 1000


def run(folder: Path) -> list[Result]:
    """One row and thirty-two rows a request, by hand and by the host, in turns; then watched."""
    project = Path(shutil.copytree(ROOT / "examples" / "wine", folder / "wine"))
    stackc("apply", "stack.yaml", "--yes", cwd=project)
    host = running(project / ".stackc")
    assert host is not None
    model = next((project / ".stackc" / "host" / "deployments").glob("*/1/model.onnx"))
    found: list[Result] = []
    try:
        with _bare(model) as port:
            for name, overrides in (("host", ()), ("watched host", (WATCHED,))):
                stackc("apply", "stack.yaml", "--yes", *overrides, cwd=project)
                for rows in (1, 32):
                    found += _compared(rows, port, host.port, name)
    finally:
        stackc("destroy", "stack.yaml", "--yes", cwd=project)
    return found


def _compared(rows: int, bare: int, ours: int, host: str) -> list[Result]:
    pairs = [(asyncio.run(load(bare, rows)), asyncio.run(load(ours, rows))) for _ in range(ROUNDS)]
    by_hand, by_host = (median(pair[side][0] for pair in pairs) for side in (0, 1))
    slow = [median(pair[side][1] for pair in pairs) for side in (0, 1)]
    name = f"{rows} {'row' if rows == 1 else 'rows'} a request, {CLIENTS} clients"
    return [
        Result("serving", f"{name}: bare", by_hand, "/s", notes=f"p99 {slow[0]:.1f} ms"),
        Result("serving", f"{name}: {host}", by_host, "/s", notes="checks, limits, metrics"),
        Result("serving", f"{name}: {host} / bare", by_host / by_hand, "×", at_least=0.6),
        Result("serving", f"{name}: {host}, p99", slow[1], "ms", at_most=10),
    ]


@contextmanager
def _bare(model: Path) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    command = [sys.executable, "-m", "benchmarks.bare_server", str(model), str(port)]
    child = subprocess.Popen(command, cwd=ROOT)
    try:
        _await(port)
        yield port
    finally:
        child.terminate()
        child.wait(10)


def _await(port: int) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return
