"""Ray: a cluster of the project's own, and the embedded backends' steps as its tasks."""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace

from backends.ray import BACKEND, RaySettings, environment
from backends.ray.cluster import Cluster, ensure, join, log, record, running, written
from backends.ray.environment import QUIET
from backends.ray.step import called, run, seed_of
from compiler.codes import Code
from compiler.diagnostics import StackcError
from compiler.engine.tasks import Call
from compiler.graph.operations import (
    Clean,
    CleanStep,
    Operation,
    Query,
    ReadFiles,
    Split,
    Validate,
)
from compiler.graph.types import TableType
from tests.backends.divided_steps import whole
from tests.backends.ray_steps import until_there
from tests.conformance.bench import Bench, artifact
from tests.conformance.tables import rule
from tests.house.cli import ROOT, outside, stackc, stackc_process
from tests.house.tables import columns, rows_of
from tests.ray_cluster import SMALL, end, lend
from tests.services import free_port

pytestmark = pytest.mark.xdist_group("ray")
STEPS = "tests.backends.ray_steps"


@pytest.fixture
def bench(tmp_path: Path, ray_cluster: Cluster) -> Bench:
    lend(ray_cluster, tmp_path / ".stackc")
    return Bench(BACKEND, tmp_path, settings=SMALL)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster that a test may break."""
    yield ensure(tmp_path / "own" / ".stackc", SMALL)
    end(tmp_path / "own" / ".stackc")


def children(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def test_a_step_gives_on_ray_what_it_gives_here(bench: Bench) -> None:
    table = bench.table(pa.table({"n": range(1000), "kind": ["a", "b"] * 500}))
    outcome = bench.run(Query("select kind, sum(n) as s from t group by kind"), {"t": table})
    assert pq.read_table(outcome.files["table"]).sort_by("kind")["s"].to_pylist() == [
        249500,
        250000,
    ]
    parts = bench.run(Split(fractions=(("train", 0.7), ("test", 0.3))), {"table": table})
    assert set(parts.files) == {"train", "test"}
    assert all(path.is_file() for path in parts.files.values())


def test_the_key_of_a_hash_stays_in_the_process_that_has_the_secrets(bench: Bench) -> None:
    """A cluster resolves none: the step is done here, and gives what it gives here."""
    (bench.folder / ".stackc-secrets").mkdir()
    (bench.folder / ".stackc-secrets" / "KEY").write_text("k")
    step = Clean((CleanStep("hash", ("kind",), (("key", "${secret:KEY}"),)),))
    outcome = bench.run(step, {"table": bench.table(pa.table({"kind": ["a", None]}))})
    digest = hmac.new(b"k", b"a", "sha256").hexdigest()
    assert [row["kind"] for row in rows_of(outcome.files["table"])] == [digest, None]


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine rows are a large table, in portions of two."""
    monkeypatch.setattr("backends.duckdb.portions.ROW_GROUP", 2)
    monkeypatch.setattr("backends.ray.tables.LARGE", 5)


PEOPLE = pa.table({"n": range(9), "kind": ["a", "b", None] * 3})
COLUMNS = columns(n="int64", kind="string")


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize(
    "operation",
    [
        ReadFiles("people.parquet", "parquet", COLUMNS),
        Query("select upper(kind) as kind, n * 2 as m from t where n <> 4"),
        Query("select n from t where kind = 'ab'"),
        Clean((CleanStep("fill_null", arguments=(("kind", "c"),)),)),
        Validate((rule("between", "n", low=1, high=6), rule("unique", "kind"))),
    ],
    ids=lambda operation: type(operation).__name__,
)
def test_a_large_table_is_answered_in_portions_by_ray_data(
    bench: Bench, operation: Operation, monkeypatch: pytest.MonkeyPatch
) -> None:
    pq.write_table(PEOPLE, bench.folder / "people.parquet", row_group_size=2)
    people = artifact(bench.folder / "people.parquet", TableType(COLUMNS))
    named = {ReadFiles: (), Query: ("t",)}.get(type(operation), ("table",))
    inputs = dict.fromkeys(named, people)
    expected = whole(operation, inputs, bench.context())
    monkeypatch.setattr("backends.ray.step.run", None)
    outcome = bench.run(operation, inputs)
    assert outcome.summary == expected.summary
    for output, path in outcome.files.items():
        if output == "verdict":
            assert path.read_bytes() == expected.files[output].read_bytes()
        else:
            assert rows_of(path) == rows_of(expected.files[output])


@pytest.mark.usefixtures("large")
def test_what_a_portion_will_not_do_is_told_as_the_whole_tells_it(bench: Bench) -> None:
    rows = PEOPLE.append_column("odd", pa.array(["1"] * 8 + ["x"]))
    pq.write_table(rows, bench.folder / "people.parquet", row_group_size=2)
    operation = ReadFiles("people.parquet", "parquet", columns(odd="int64"))
    with pytest.raises(StackcError) as caught:
        bench.run(operation, {})
    (found,) = caught.value.diagnostics
    assert found.code is Code.VALUE_TYPE
    assert "row 9" in found.message


def test_what_a_step_reports_comes_back_as_it_is(bench: Bench) -> None:
    table = bench.table(pa.table({"at": ["x"]}))
    with pytest.raises(StackcError) as caught:
        bench.run(Query("select cast(at as int) as n from t"), {"t": table})
    assert [found.code for found in caught.value.diagnostics] == [Code.QUERY_FAILED]


def test_a_worker_that_dies_is_tried_once_more(bench: Bench, tmp_path: Path) -> None:
    context = bench.context()
    call = Call(f"{STEPS}:killed_once", None, (tmp_path / "mark",), seed_of(context))
    assert called(call, context).summary["pid"] != os.getpid()


def test_a_worker_that_dies_again_is_told(bench: Bench) -> None:
    context = bench.context()
    with pytest.raises(StackcError) as caught:
        called(Call(f"{STEPS}:killed", None, (), seed_of(context)), context)
    (found,) = caught.value.diagnostics
    assert found.code is Code.WORKER_DIED
    assert "`models.m/step`" in found.message
    assert found.help


def test_a_step_that_waits_for_a_processor_says_so(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else has them all: that is no step that takes long."""
    monkeypatch.setattr("backends.ray.step._PATIENCE_SECONDS", 0.5)
    said: list[str] = []
    context = replace(bench.context(), progress=said.append)
    ray, free = join(context), tmp_path / "free"
    all_of_them = int(ray.cluster_resources()["CPU"])
    held = ray.remote(num_cpus=all_of_them)(until_there).remote(free)
    threading.Timer(3, free.touch).start()
    called(Call(f"{STEPS}:done", None, (), seed_of(context)), context)
    ray.get(held)
    assert said[0] == f"waits: all {all_of_them} processors of the cluster are taken"


def test_a_process_that_leaves_a_cluster_has_its_own_environment_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else it would show one cluster's token to the next, and hand it on to what it starts."""
    monkeypatch.setattr("backends.ray.environment._BEFORE", {})
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.delenv("RAY_AUTH_TOKEN_PATH", raising=False)
    before = {**os.environ}
    environment.turn_to(environment.private(Path("/one")))
    environment.turn_to(environment.private(Path("/other")))
    assert os.environ["RAY_AUTH_TOKEN_PATH"] == "/other/token"
    environment.turn_to(QUIET)
    assert os.environ["RAY_AUTH_MODE"] == "disabled"
    assert "RAY_AUTH_TOKEN_PATH" not in os.environ
    environment.drop()
    assert {**os.environ} == before


def test_a_bug_of_a_step_is_told_with_what_the_worker_said(bench: Bench) -> None:
    context = bench.context()
    with pytest.raises(StackcError) as caught:
        called(Call(f"{STEPS}:broken", None, (), seed_of(context)), context)
    (found,) = caught.value.diagnostics
    assert found.code is Code.INTERNAL
    assert any("nobody expected this" in note for note in found.notes)


def test_a_machine_that_does_not_see_the_project_is_told(bench: Bench) -> None:
    context = bench.context()
    context.workdir.rmdir()
    with pytest.raises(StackcError) as caught:
        run(Query("select 1 as one"), {}, context)
    (found,) = caught.value.diagnostics
    assert found.code is Code.CLUSTER
    assert "does not see" in found.message


def test_a_cluster_that_is_not_there_is_told(bench: Bench) -> None:
    bench.settings = RaySettings(address="127.0.0.1:1")
    with pytest.raises(StackcError) as caught:
        join(bench.context())
    (found,) = caught.value.diagnostics
    assert found.code is Code.CLUSTER
    assert "127.0.0.1:1 cannot be joined" in found.message


def test_the_cluster_is_for_this_user_and_machine_alone(ray_cluster: Cluster) -> None:
    """Every socket is bound to 127.0.0.1, and the token is needed to join."""
    state = Path(ray_cluster.state)
    for path in (record(state), Path(ray_cluster.folder) / "token"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(Path(ray_cluster.folder).stat().st_mode) == 0o700
    for process in [psutil.Process(ray_cluster.pid), *children(ray_cluster.pid)]:
        for line in process.net_connections():
            if line.status == psutil.CONN_LISTEN:
                assert line.laddr.ip in ("127.0.0.1", "::ffff:127.0.0.1"), (process, line)


def test_a_killed_cluster_leaves_no_process_and_the_one_in_its_place_ends_when_nobody_uses_it(
    own: Cluster, tmp_path: Path
) -> None:
    state = tmp_path / "own" / ".stackc"
    assert ensure(state, SMALL) == own
    below = children(own.pid)
    assert below
    os.kill(own.pid, signal.SIGKILL)
    psutil.Process(own.pid).wait(10)
    assert running(state) is None
    after = ensure(state, SMALL)
    process = psutil.Process(after.pid)
    _, alive = psutil.wait_procs(below, timeout=10)
    assert not alive
    assert after.pid != own.pid
    assert not Path(own.folder).exists()
    process.wait(30)
    assert not Path(after.folder).exists()
    assert not record(state).exists()


def test_a_copied_project_does_not_take_the_cluster_of_the_other(
    ray_cluster: Cluster, tmp_path: Path
) -> None:
    copy = record(tmp_path / "copy" / ".stackc")
    copy.parent.mkdir(parents=True)
    copy.write_bytes(record(Path(ray_cluster.state)).read_bytes())
    assert written(tmp_path / "copy" / ".stackc") is None
    copy.write_bytes(b'{"pid": 1')
    assert written(tmp_path / "copy" / ".stackc") is None


def test_a_cluster_that_does_not_come_up_says_why(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("PYTHONHASHSEED", "no number")
    with pytest.raises(StackcError) as caught:
        ensure(tmp_path / ".stackc", SMALL)
    (found,) = caught.value.diagnostics
    assert found.code is Code.CLUSTER
    assert str(log(tmp_path / ".stackc")) in found.help[0]


def test_the_quickstart_runs_unchanged_with_equal_results(
    example: Any, applied_quickstart: Path
) -> None:
    """From the command line, on a cluster that is gone when the run is."""
    folder = example("quickstart")
    answer = stackc_process("apply", "stack.yaml", "--yes", "backends=ray", cwd=folder)
    assert answer.code == 0, answer.text
    assert digests(folder) == digests(applied_quickstart)
    until = time.monotonic() + 30
    while running(folder / ".stackc") is not None:
        assert time.monotonic() < until
        time.sleep(0.2)
    again = stackc("plan", "stack.yaml", "backends=ray", cwd=folder)
    assert re.search("nothing to do", again.text)


@pytest.mark.soak
def test_a_named_cluster_is_joined_and_left_as_it_is(
    example: Any, applied_quickstart: Path, named: str
) -> None:
    folder = example("quickstart")
    query = ("backends/query=ray", f"backends.query.address={named}")
    answer = stackc_process("apply", "stack.yaml", "--yes", *query, cwd=folder)
    assert answer.code == 0, answer.text
    assert digests(folder) == digests(applied_quickstart)
    assert not record(folder / ".stackc").exists()
    socket.create_connection(("127.0.0.1", int(named.partition(":")[2])), 5).close()


@pytest.fixture
def named(tmp_path: Path) -> Iterator[str]:
    """The address of a cluster that somebody else has started."""
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as home:
        port = free_port()
        command = [
            *(sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block"),
            *(f"--port={port}", "--node-ip-address=127.0.0.1", "--num-cpus=2"),
            *("--include-dashboard=false", "--object-store-memory=120000000"),
            f"--temp-dir={home}",
        ]
        with (tmp_path / "head.log").open("w") as log:
            head = subprocess.Popen(
                command, stdout=log, stderr=log, env={**outside(), **QUIET}, start_new_session=True
            )
            try:
                _await(port, head)
                yield f"127.0.0.1:{port}"
            finally:
                for process in (*children(head.pid), psutil.Process(head.pid)):
                    with contextlib.suppress(psutil.Error):
                        process.kill()
                head.wait()


def _await(port: int, head: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 90
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert head.poll() is None
            assert time.monotonic() < until
            time.sleep(0.2)
        else:
            return


def digests(folder: Path) -> dict[str, Any]:
    """What every step made, but for documents that say how long it took."""
    status = json.loads(stackc("status", "stack.yaml", "--format", "json", cwd=folder).out)
    timed = {"models.malignancy/train"}
    return {
        node["address"]: {
            name: value for name, value in node["summary"].items() if name != "seconds"
        }
        for node in status["nodes"]
        if node["address"] not in timed
    }


def test_a_process_that_has_imported_ray_before_joins_too(
    ray_cluster: Cluster, tmp_path: Path
) -> None:
    """Ray reads on import whether a cluster has one machine; who imported it knew nothing of us."""
    lend(ray_cluster, tmp_path / ".stackc")
    code = (
        "import sys, ray\n"
        "from pathlib import Path\n"
        "from backends.ray import BACKEND\n"
        "from backends.ray.cluster import join\n"
        "from tests.conformance.bench import Bench\n"
        "from tests.ray_cluster import SMALL\n"
        "join(Bench(BACKEND, Path(sys.argv[1]), settings=SMALL).context())\n"
        "print(ray.is_initialized())"
    )
    answer = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert answer.stdout.strip() == "True", answer.stderr
