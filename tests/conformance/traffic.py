"""Updates under load: nobody who asks meanwhile hears of them; a backend's tests inherit it."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest

from backends.local import BACKEND as LOCAL
from compiler.backend import Artifact, Backend, Settings
from compiler.codes import Code
from compiler.diagnostics import StackcError
from compiler.graph.types import Task
from tests.conformance.bench import Bench, parts
from tests.conformance.serving import NAME, PLAIN, made, requests, url_of

CLIENTS, REQUESTS = 8, 5000
Answer = tuple[int, Any]


class Clients:
    """Clients that ask for one and the same row as fast as they are answered."""

    def __init__(self, url: str, row: dict[str, Any]) -> None:
        self.url, self.row = url, row
        self.statuses: Counter[int | str] = Counter()
        self.answers: set[Answer] = set()
        self._enough = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._go) for _ in range(CLIENTS)]

    def __enter__(self) -> Clients:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        for thread in self._threads:
            thread.join()

    @property
    def count(self) -> int:
        """How many requests have ended, well or not."""
        return self.statuses.total()

    def wait(self, count: int) -> None:
        """Until so many more have ended."""
        until = self.count + count
        while self.count < until:
            assert any(thread.is_alive() for thread in self._threads)
            self._enough.wait(0.005)

    def _go(self) -> None:
        with httpx.Client(timeout=30) as client:
            while not self._enough.is_set():
                try:
                    answer = client.post(self.url, json=self.row)
                except httpx.TransportError as error:
                    self._note(type(error).__name__, None)
                else:
                    found = answer.json() if answer.status_code == 200 else None
                    self._note(answer.status_code, found)

    def _note(self, status: int | str, answer: dict[str, Any] | None) -> None:
        with self._lock:
            self.statuses[status] += 1
            if answer is not None:
                chance = answer["predictions"][0]["probability"]
                self.answers.add((answer["revision"], chance))


class TrafficSuite:
    """5,000 requests through updates good and bad, and a rollback: every one is answered well."""

    backend: ClassVar[Backend]
    settings: ClassVar[Settings]

    @pytest.fixture
    def local(self, tmp_path: Path) -> Bench:
        folder = tmp_path / "local"
        folder.mkdir()
        return Bench(LOCAL, folder)

    @pytest.fixture
    def models(self, local: Bench) -> list[dict[str, Artifact]]:
        """Models that answer differently, each with its golden rows."""
        self.rows = parts(local, Task.BINARY)[1]
        return [made(local, self.rows, max_depth=depth) for depth in (1, 2, 3, 4)]

    def test_no_request_is_lost(self, models: list[dict[str, Artifact]], tmp_path: Path) -> None:
        bench = Bench(self.backend, tmp_path, settings=self.settings)
        target = bench.target(PLAIN)()
        applied = bench.apply(PLAIN, models[0], "first")
        try:
            with Clients(url_of(applied), requests(self.rows)[0]) as clients:
                for number, model in enumerate(models[1:], 2):
                    clients.wait(REQUESTS // 6)
                    applied = bench.apply(PLAIN, model, f"update {number}")
                clients.wait(REQUESTS // 6)
                with pytest.raises(StackcError) as caught:
                    bench.apply(PLAIN, {**models[0], "golden": models[1]["golden"]}, "bad")
                assert [d.code for d in caught.value.diagnostics] == [Code.DEPLOYMENT_FAILED]
                clients.wait(REQUESTS // 6)
                target.rollback(applied.attributes, "back", bench.context())
                clients.wait(max(REQUESTS // 6, REQUESTS - clients.count))
        finally:
            target.delete({"name": NAME, "api_key": None}, "end", bench.context())
        assert set(clients.statuses) == {200}, clients.statuses
        assert clients.count >= REQUESTS
        # Each revision has one answer of its own, whenever it was asked.
        assert sorted(revision for revision, _ in clients.answers) == [1, 2, 3, 4]
        assert len({chance for _, chance in clients.answers}) == 4
