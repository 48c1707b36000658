"""Requests at work when their revision is replaced, or the host stops: as long as `drain` says."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from msgspec.structs import replace

from backends.host import BACKEND, HostSettings
from backends.host.deploy import Deployments
from backends.host.process import running, stop
from backends.local import BACKEND as LOCAL
from compiler.backend import Applied, Artifact
from compiler.graph.operations import Deploy
from compiler.graph.types import Task
from tests.conformance.bench import Bench, parts
from tests.conformance.serving import NAME, PLAIN, made, requests, url_of

pytestmark = pytest.mark.xdist_group("hosts")
PATIENT = replace(PLAIN, timeout_s=30, drain_s=30, rows=1_000_000)
HASTY = replace(PATIENT, drain_s=1)
"""A drain that no spec can ask for (E336), so that a request can outlast it."""
LARGE = 300
"""Rows of a request that is answered in a thread."""


class Slow:
    """A client that sends the first half of its request, and the rest when it is told to."""

    def __init__(self, url: str, rows: list[dict[str, Any]]) -> None:
        body = json.dumps({"rows": rows}).encode()
        at = httpx.URL(url)
        assert at.port is not None
        self._line = socket.create_connection((at.host, at.port), timeout=30)
        head = f"POST {at.path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        self._rest = body[len(body) // 2 :]
        self._line.sendall(head.encode() + body[: len(body) // 2])
        time.sleep(0.3)

    def finish(self) -> tuple[int, dict[str, Any]]:
        """Send the rest; the status and the answer."""
        self._line.sendall(self._rest)
        with self._line, self._line.makefile("rb") as answer:
            status = int(answer.readline().split()[1])
            length = 0
            while (line := answer.readline().strip()) != b"":
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            return status, json.loads(answer.read(length))

    def told(self) -> int:
        """The status that comes before the request is sent to its end."""
        with self._line, self._line.makefile("rb") as answer:
            return int(answer.readline().split()[1])


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[dict[str, Any]], list[Any]]:
    """Rows to ask, and two models."""
    local = Bench(LOCAL, tmp_path_factory.mktemp("local"))
    rows: Artifact = parts(local, Task.BINARY)[1]
    return requests(rows), [made(local, rows, max_depth=depth) for depth in (3, 2)]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(BACKEND, tmp_path, settings=HostSettings())
    yield bench
    Deployments().delete({"name": NAME, "api_key": None}, "end", bench.context())


def apply(bench: Bench, operation: Deploy, inputs: dict[str, Artifact], by: str) -> Applied:
    return bench.apply(operation, inputs, by)


def test_a_request_at_work_is_answered_by_the_revision_that_it_began_with(
    bench: Bench, models: tuple[list[dict[str, Any]], list[Any]]
) -> None:
    rows, (old, new) = models
    for count in (2, LARGE):
        url = url_of(apply(bench, PATIENT, old, f"old {count}"))
        before = httpx.get(url).json()["revision"]
        slow = Slow(url, (rows * 20)[:count])
        apply(bench, PATIENT, new, f"new {count}")
        assert httpx.get(url).json()["revision"] == before + 1
        status, answer = slow.finish()
        assert (status, answer["revision"]) == (200, before)


def test_a_request_beyond_its_drain_is_told_to_ask_again(
    bench: Bench, models: tuple[list[dict[str, Any]], list[Any]]
) -> None:
    rows, (old, new) = models
    url = url_of(apply(bench, HASTY, old, "op1"))
    slow = Slow(url, (rows * 20)[:LARGE])
    apply(bench, HASTY, new, "op2")
    time.sleep(1.2)
    status, answer = slow.finish()
    assert (status, answer["error"]) == (503, "no answer within 0 s")


def test_the_host_stops_when_the_requests_at_work_are_answered(
    bench: Bench, models: tuple[list[dict[str, Any]], list[Any]]
) -> None:
    """Longer than the 15 s that hosts once gave is not waited for here; that it is given is."""
    rows, (old, _) = models
    url = url_of(apply(bench, PATIENT, old, "op1"))
    host = running(bench.folder / ".stackc")
    assert host is not None
    slow = Slow(url, rows[:2])
    stopping = threading.Thread(target=stop, args=(bench.folder / ".stackc",))
    stopping.start()
    time.sleep(1.5)
    with pytest.raises(httpx.TransportError):
        httpx.get(url)
    assert psutil.pid_exists(host.pid)
    status, answer = slow.finish()
    assert (status, answer["revision"]) == (200, 1)
    stopping.join(10)
    assert not psutil.pid_exists(host.pid)


def test_who_goes_beyond_the_drain_is_not_waited_for(
    bench: Bench, models: tuple[list[dict[str, Any]], list[Any]]
) -> None:
    rows, (old, _) = models
    url = url_of(apply(bench, HASTY, old, "op1"))
    slow = Slow(url, rows[:2])
    began = time.monotonic()
    stop(bench.folder / ".stackc")
    assert 1 <= time.monotonic() - began < 8
    assert slow.told() == 503


def test_nor_is_work_that_cannot_be_interrupted(
    bench: Bench, models: tuple[list[dict[str, Any]], list[Any]]
) -> None:
    """A thread that predicts goes on whatever it is told: the host ends without it."""
    rows, (old, _) = models
    url = url_of(apply(bench, HASTY, old, "op1"))
    host = running(bench.folder / ".stackc")
    assert host is not None
    many = (rows * (300_000 // len(rows) + 1))[:300_000]
    body = json.dumps({"rows": many}).encode()
    statuses: list[int] = []

    def ask() -> None:
        with suppress(httpx.TransportError):
            statuses.append(httpx.post(url, content=body, timeout=60).status_code)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    began = time.monotonic()
    stop(bench.folder / ".stackc")
    took = time.monotonic() - began
    for thread in threads:
        thread.join(30)
    assert statuses.count(200) < len(threads), f"all were answered within {took:.1f} s"
    assert set(statuses) <= {200, 503}
    assert not psutil.pid_exists(host.pid)


def test_a_deployment_that_is_removed_drains_too(
    bench: Bench, models: tuple[list[dict[str, Any]], list[Any]]
) -> None:
    rows, (old, _) = models
    applied = apply(bench, PATIENT, old, "op1")
    slow = Slow(url_of(applied), rows[:2])
    arguments = (applied.attributes, "op2", bench.context())
    removing = threading.Thread(target=Deployments().delete, args=arguments)
    removing.start()
    time.sleep(1)
    assert slow.finish()[0] == 200
    removing.join(10)
    assert not removing.is_alive()
