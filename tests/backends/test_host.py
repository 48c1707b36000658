"""The local host: the serving suite, and what only a process on this machine can do."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path
from typing import ClassVar

import httpx
import psutil
import pytest
from msgspec.structs import replace

from backends.host import BACKEND, HostSettings
from backends.host.process import record, running
from backends.serving.windows import SNAPSHOT_SECONDS
from backends.whylogs.container import read_profile
from backends.whylogs.drift import drift_of
from compiler.backend import Artifact, Backend, Settings
from compiler.codes import Code
from compiler.diagnostics import StackcError
from compiler.graph.operations import AbortIf, Rollout
from tests.conformance.bench import Bench
from tests.conformance.serving import NAME, PLAIN, ServingSuite, made, requests, url_of
from tests.conformance.traffic import CLIENTS, Clients, TrafficSuite
from tests.conformance.watching import WATCH, WatchingSuite

# One after the other: a host that comes back expects that nobody took its port meanwhile.
pytestmark = pytest.mark.xdist_group("hosts")
Inputs = dict[str, Artifact]


class TestHost(ServingSuite):
    """One process per project."""

    backend: ClassVar[Backend] = BACKEND
    settings: ClassVar[Settings] = HostSettings()

    def test_a_dead_host_is_noticed_and_brought_back_where_it_was(
        self, bench: Bench, inputs: Inputs
    ) -> None:
        first = self.deployed(bench, inputs)
        kill(bench)
        assert not self.target(bench).read(first.attributes, bench.context())
        assert self.target(bench).find("op1", bench.context()) is None
        again = self.deployed(bench, inputs, by="op2")
        assert again.attributes == first.attributes
        assert httpx.get(url_of(again)).json()["revision"] == 1

    def test_a_host_that_came_back_says_which_deployments_are_yet_to_come(
        self, bench: Bench, inputs: Inputs
    ) -> None:
        """Its others are brought back one by one: who asks meanwhile is told to ask again."""
        other = type(PLAIN)(name="deployments.other", threshold=0.5)
        first, second = self.deployed(bench, inputs), self.deployed(bench, inputs, other, "op2")
        ready = url_of(first).rpartition("/")[0] + "/v2/health/ready"
        kill(bench)
        self.deployed(bench, inputs, by="op3")
        answer = httpx.get(url_of(second))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert httpx.get(ready).status_code == 503
        self.deployed(bench, inputs, other, "op4")
        assert httpx.get(url_of(second)).status_code == 200
        assert httpx.get(ready).json() == {"ready": True}

    def test_two_deployments_share_one_host_which_ends_with_the_last(
        self, bench: Bench, inputs: Inputs
    ) -> None:
        other = type(PLAIN)(name="deployments.other", threshold=0.5)
        first, second = self.deployed(bench, inputs), self.deployed(bench, inputs, other, "op2")
        host = running(bench.folder / ".stackc")
        assert host is not None
        assert url_of(first).rpartition("/")[0] == url_of(second).rpartition("/")[0] == host.url
        target = self.target(bench)
        target.delete(second.attributes, "op3", bench.context())
        assert httpx.get(url_of(second)).status_code == 404
        assert httpx.get(url_of(first)).status_code == 200
        target.delete(first.attributes, "op4", bench.context())
        assert not psutil.pid_exists(host.pid)

    def test_a_host_without_its_project_ends(self, bench: Bench, inputs: Inputs) -> None:
        self.deployed(bench, inputs)
        host = running(bench.folder / ".stackc")
        assert host is not None
        record(bench.folder / ".stackc").unlink()
        assert psutil.Process(host.pid).wait(20) in (0, None)

    def test_a_copied_project_does_not_speak_with_the_host_of_the_other(
        self, bench: Bench, inputs: Inputs, tmp_path: Path
    ) -> None:
        self.deployed(bench, inputs)
        copy = record(tmp_path / "copy" / ".stackc")
        copy.parent.mkdir(parents=True)
        copy.write_bytes(record(bench.folder / ".stackc").read_bytes())
        assert running(tmp_path / "copy" / ".stackc") is None

    def test_other_settings_move_the_host(self, bench: Bench, inputs: Inputs) -> None:
        first = self.deployed(bench, inputs)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        bench.settings = HostSettings(port=port)
        second = self.deployed(bench, inputs, by="op2")
        assert url_of(second) == f"http://127.0.0.1:{port}/api"
        assert not self.target(bench).read(first.attributes, bench.context())

    def test_a_port_that_is_taken_is_told(self, bench: Bench, inputs: Inputs) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            bench.settings = HostSettings(port=taken.getsockname()[1])
            with pytest.raises(StackcError) as caught:
                self.deployed(bench, inputs)
        assert [found.code for found in caught.value.diagnostics] == [Code.DEPLOYMENT_FAILED]
        assert "cannot listen on 127.0.0.1" in str(caught.value)

    def test_more_than_one_copy_is_refused(self, bench: Bench) -> None:
        refusals = {refusal.field: refusal for refusal in bench.lowering(PLAIN).refuses}
        assert refusals["replicas"].when((1, 4))
        assert not refusals["replicas"].when((1, 1))

    def test_a_name_that_is_a_path_of_the_host_is_refused(self, bench: Bench) -> None:
        refusals = {refusal.field: refusal for refusal in bench.lowering(PLAIN).refuses}
        assert refusals["name"].when("deployments.metrics")
        assert not refusals["name"].when(NAME)


class TestWatchingHost(WatchingSuite):
    """The host records what it is asked."""

    backend: ClassVar[Backend] = BACKEND
    settings: ClassVar[Settings] = HostSettings()

    def test_a_host_that_died_goes_on_with_the_window(
        self, bench: Bench, local: Bench, rows: Artifact, reference: Artifact
    ) -> None:
        """What was put down before it died, and what its successor is asked, are one window."""
        applied = self.watched(bench, reference)
        self.ask(requests(rows)[:40])
        waited = time.monotonic() + 2 * SNAPSHOT_SECONDS
        while not [*(bench.folder / ".stackc").rglob("windows/*/*/*.whylogs")]:
            assert time.monotonic() < waited, "nothing was put down"
            time.sleep(0.1)
        kill(bench)
        assert not self.target(bench).read(applied.attributes, bench.context())
        self.url = url_of(bench.apply(PLAIN, made(local, rows, max_depth=3), "again"))
        self.watched(bench, reference, "op2")
        self.ask(requests(rows)[:10])
        (batch,) = self.closed(bench, applied).batches
        assert len(batch.labels) == 1
        assert read_profile(batch.profile).rows == 50

    def test_a_file_that_a_kill_left_half_written_is_no_traffic(
        self, bench: Bench, rows: Artifact, reference: Artifact
    ) -> None:
        applied = self.watched(bench, reference)
        self.ask(requests(rows)[:35])
        first = self.closed(bench, applied).batches[0].labels
        (file,) = (bench.folder / ".stackc").rglob("windows/*/*/*.whylogs")
        (file.parent / "other.whylogs").write_bytes(file.read_bytes()[:100])
        (batch,) = self.closed(bench, applied).batches
        assert (batch.labels, read_profile(batch.profile).rows) == (first, 35)

    def test_what_a_canary_is_asked_belongs_to_the_same_window(
        self, bench: Bench, local: Bench, rows: Artifact, reference: Artifact
    ) -> None:
        """Every row once, whichever of the two revisions answered it."""
        applied = self.watched(bench, reference)
        rollout = Rollout(40, 3600, 1000, (AbortIf("error_rate > 0.5", "error_rate", ">", 0.5),))
        bench.apply(replace(PLAIN, rollout=rollout), made(local, rows, max_depth=2), "canary")
        asked = requests(rows)[:50]
        self.ask(asked, together=False)
        (batch,) = self.closed(bench, applied).batches
        assert (len(batch.labels), read_profile(batch.profile).rows) == (1, 50)
        live = drift_of(WATCH.compare, read_profile(batch.reference), read_profile(batch.profile))
        assert live["windows"][0]["rows"] == 50

    def test_without_a_host_there_is_nobody_to_watch(
        self, bench: Bench, reference: Artifact
    ) -> None:
        kill(bench)
        with pytest.raises(StackcError) as caught:
            self.watched(bench, reference)
        assert [found.code for found in caught.value.diagnostics] == [Code.DEPLOYMENT_FAILED]


class TestTrafficOnTheHost(TrafficSuite):
    """Updates under load, and a host that dies under it."""

    backend: ClassVar[Backend] = BACKEND
    settings: ClassVar[Settings] = HostSettings()

    def test_a_host_killed_under_load_is_back_with_one_apply(
        self, models: list[dict[str, Artifact]], tmp_path: Path
    ) -> None:
        """Nothing is lost but the requests in flight, and those sent while nobody listens."""
        bench = Bench(self.backend, tmp_path, settings=self.settings)
        url = url_of(bench.apply(PLAIN, models[0], "first"))
        try:
            with Clients(url, requests(self.rows)[0]) as clients:
                clients.wait(200)
                kill(bench)
                back = bench.apply(PLAIN, models[0], "again")
                lost = sum(n for status, n in clients.statuses.items() if status != 200)
                clients.wait(500)
                after = sum(n for status, n in clients.statuses.items() if status != 200)
        finally:
            bench.target(PLAIN)().delete({"name": NAME, "api_key": None}, "end", bench.context())
        assert url_of(back) == url
        assert after - lost <= CLIENTS, "only who was connecting at that moment"
        assert {answer[0] for answer in clients.answers} == {1}
        assert all(isinstance(found, str) or found in (200, 503) for found in clients.statuses)


def kill(bench: Bench) -> None:
    """End the host as a crash does."""
    host = running(bench.folder / ".stackc")
    assert host is not None
    os.kill(host.pid, signal.SIGKILL)
    psutil.Process(host.pid).wait(10)
