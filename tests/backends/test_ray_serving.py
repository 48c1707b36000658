"""Ray Serve: the serving suites, and what only a cluster can do."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import httpx
import psutil
import pytest
from msgspec.structs import replace

from backends.ray import BACKEND, OWNER, RaySettings, serve
from backends.ray.cluster import Cluster, join, running
from backends.serving.revisions import Revisions
from backends.serving.windows import SNAPSHOT_SECONDS
from backends.whylogs.container import read_profile
from compiler.backend import Artifact, Backend, Settings
from compiler.codes import Code
from compiler.diagnostics import StackcError
from compiler.engine import durable
from tests.conformance.bench import Bench
from tests.conformance.serving import NAME, PLAIN, ServingSuite, made, requests, url_of
from tests.conformance.traffic import CLIENTS, Clients, TrafficSuite
from tests.conformance.watching import WatchingSuite
from tests.ray_cluster import SMALL, lend

pytestmark = pytest.mark.xdist_group("ray")
Inputs = dict[str, Artifact]
TWO = replace(PLAIN, replicas=(2, 2))


@pytest.fixture(autouse=True)
def lent(tmp_path: Path, ray_cluster: Cluster) -> None:
    """The one cluster of all tests; its Serve stays from test to test."""
    lend(ray_cluster, tmp_path / ".stackc")


class TestRayServe(ServingSuite):
    """Serve behind HAProxy."""

    backend: ClassVar[Backend] = BACKEND
    settings: ClassVar[Settings] = SMALL

    def test_an_application_of_somebody_else_is_left_alone(
        self, bench: Bench, inputs: Inputs, tmp_path: Path, ray_cluster: Cluster
    ) -> None:
        """On a cluster that is shared, a name may be taken by another project."""
        first = self.deployed(bench, inputs)
        folder = tmp_path / "other"
        folder.mkdir()
        lend(ray_cluster, folder / ".stackc")
        with pytest.raises(StackcError) as caught:
            self.deployed(Bench(BACKEND, folder, settings=SMALL), inputs)
        assert [found.code for found in caught.value.diagnostics] == [Code.DEPLOYMENT_FAILED]
        assert "has an application `api` already" in str(caught.value)
        assert self.target(bench).read(first.attributes, bench.context())

    @pytest.mark.soak  # minutes
    def test_killed_at_any_write_and_applied_again_it_is_one_revision(
        self, bench: Bench, local: Bench, inputs: Inputs, rows: Artifact
    ) -> None:
        """The engine asks for what an operation has made, and applies it again where it has not."""
        models = [inputs, made(local, rows, max_depth=2)]
        target, number, died = self.target(bench), 0, True
        self.deployed(bench, models[1], by="before")
        while died:
            operation_id, model = f"op{number}", models[number % 2]
            died = dies(lambda m=model, o=operation_id: self.deployed(bench, m, by=o), number)
            found = target.find(operation_id, bench.context())
            applied = found or self.deployed(bench, model, by=operation_id)
            assert applied.attributes["revision"] == number + 2
            assert target.read(applied.attributes, bench.context())
            assert httpx.get(url_of(applied)).json()["model"] == model["model"].digest
            shelf = Revisions(bench.folder / ".stackc", NAME, OWNER)
            assert [r.number for r in shelf.records()][:2] == [number + 2, number + 1]
            number += 1
        assert number > 5

    def test_a_setting_that_cannot_be_costs_nothing_and_one_that_can_moves_it(
        self, bench: Bench, inputs: Inputs
    ) -> None:
        first = self.deployed(bench, inputs)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            bench.settings = SMALL.model_copy(update={"port": port})
            with pytest.raises(StackcError) as caught:
                self.deployed(bench, inputs, by="op2")
        assert [found.code for found in caught.value.diagnostics] == [Code.DEPLOYMENT_FAILED]
        assert f"cannot listen on 127.0.0.1 port {port}" in str(caught.value)
        assert self.target(bench).read(first.attributes, bench.context())
        second = self.deployed(bench, inputs, by="op3")
        assert url_of(second) == f"http://127.0.0.1:{port}/api"
        assert not self.target(bench).read(first.attributes, bench.context())

    def test_without_haproxy_it_is_told_how_to_get_it(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(serve, "program", lambda: None)
        monkeypatch.setattr(serve, "_running", lambda: None)
        with pytest.raises(StackcError) as caught:
            serve.ensure_serve(bench.folder / ".stackc", RaySettings())
        assert [found.code for found in caught.value.diagnostics] == [Code.BACKEND_MISSING]
        assert any("haproxy" in line for line in caught.value.diagnostics[0].help)


class TestWatchingRayServe(WatchingSuite):
    """Replicas record what they are asked."""

    backend: ClassVar[Backend] = BACKEND
    settings: ClassVar[Settings] = SMALL

    def test_what_two_replicas_are_asked_is_one_window(
        self, bench: Bench, local: Bench, rows: Artifact, reference: Artifact
    ) -> None:
        """Closed, both begin the next one at the same moment."""
        self.watched(bench, reference)
        applied = bench.apply(TWO, made(local, rows, max_depth=3), "two")
        watched = self.watched(bench, reference, "op2")
        assert url_of(applied) == self.url
        asked = requests(rows)
        for windows, part in enumerate((asked[:60], asked[60:100]), 1):
            self.ask(part, together=False)
            (batch,) = self.closed(bench, watched).batches
            assert len(batch.labels) == windows
        assert len([*(bench.folder / ".stackc").rglob("windows/*/*/*.whylogs")]) == 4
        assert read_profile(batch.profile).rows == 100

    @pytest.mark.soak  # minutes
    def test_a_replica_that_died_costs_no_more_than_the_last_seconds(
        self, bench: Bench, rows: Artifact, reference: Artifact
    ) -> None:
        watched = self.watched(bench, reference)
        self.ask(requests(rows)[:40])
        until = time.monotonic() + 2 * SNAPSHOT_SECONDS
        while not [*(bench.folder / ".stackc").rglob("windows/*/*/*.whylogs")]:
            assert time.monotonic() < until, "nothing was put down"
            time.sleep(0.1)
        kill_one(bench)
        await_answer(self.url)
        self.ask(requests(rows)[:10])
        (batch,) = self.closed(bench, watched).batches
        assert (len(batch.labels), read_profile(batch.profile).rows) == (1, 50)


class TestTrafficOnRayServe(TrafficSuite):
    """Updates under load, a replica that dies under it, and a cluster that does."""

    backend: ClassVar[Backend] = BACKEND
    settings: ClassVar[Settings] = SMALL

    def test_a_replica_that_dies_costs_what_it_had_in_hand(
        self, models: list[Inputs], tmp_path: Path
    ) -> None:
        bench = Bench(self.backend, tmp_path, settings=self.settings)
        applied = bench.apply(TWO, models[0], "first")
        try:
            with Clients(url_of(applied), requests(self.rows)[0]) as clients:
                clients.wait(300)
                kill_one(bench)
                clients.wait(1500)
            until = time.monotonic() + 30
            while len(replicas(bench)) < 2:
                assert time.monotonic() < until, "it does not come back"
                time.sleep(0.1)
        finally:
            bench.target(TWO)().delete({"name": NAME, "api_key": None}, "end", bench.context())
        assert lost(clients.statuses) <= CLIENTS, clients.statuses

    @pytest.mark.soak  # two clusters more
    def test_a_cluster_killed_under_load_is_back_with_one_apply(
        self, models: list[Inputs], tmp_path: Path
    ) -> None:
        """Where it was; nothing is lost but what was in flight or sent while nobody listened."""
        folder = tmp_path / "own"
        folder.mkdir()
        bench = Bench(self.backend, folder, settings=self.settings)
        url = url_of(bench.apply(PLAIN, models[0], "first"))
        target = bench.target(PLAIN)()
        try:
            with Clients(url, requests(self.rows)[0]) as clients:
                clients.wait(200)
                kill(bench)
                back = bench.apply(PLAIN, models[0], "again")
                before = lost(clients.statuses)
                clients.wait(500)
                after = lost(clients.statuses)
            found = running(folder / ".stackc")
            assert found is not None
        finally:
            target.delete({"name": NAME, "api_key": None}, "end", bench.context())
        assert url_of(back) == url
        assert after - before <= CLIENTS, "only who was connecting at that moment"
        assert {answer[0] for answer in clients.answers} == {1}
        join(Bench(BACKEND, tmp_path, settings=SMALL).context())
        psutil.Process(found.pid).wait(60)


def lost(statuses: Counter[int | str]) -> int:
    """How many requests were not answered well."""
    return sum(count for status, count in statuses.items() if status != 200)


def kill(bench: Bench) -> None:
    """End the cluster as a crash does."""
    found = running(bench.folder / ".stackc")
    assert found is not None
    os.kill(found.pid, signal.SIGKILL)
    psutil.Process(found.pid).wait(10)


def replicas(bench: Bench) -> list[psutil.Process]:
    """The processes that answer."""
    found = running(bench.folder / ".stackc")
    assert found is not None
    below = psutil.Process(found.pid).children(recursive=True)
    return [process for process in below if "ServeReplica:api" in title(process)]


def title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def kill_one(bench: Bench) -> None:
    """End one replica as a crash does."""
    one = replicas(bench)[0]
    one.kill()
    one.wait(10)


def await_answer(url: str) -> None:
    """Until it answers again."""
    until = time.monotonic() + 60
    while True:
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < until, "it does not come back"
        time.sleep(0.1)


class Killed(BaseException):
    """A kill, as far as the files on disk are concerned."""


def dies(act: Any, number: int) -> bool:
    """Act, and end at the so-many-th point where something is written; False at the end."""
    left = number

    def hook(_name: str) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed

    try:
        with durable.injected(hook):
            act()
    except Killed:
        return True
    return False
