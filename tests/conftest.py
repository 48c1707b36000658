"""Projects to run in: copies of the examples in temporary folders; nothing is written here."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from hypothesis import settings

from backends.ray.cluster import Cluster
from tests.house.cli import ROOT, stackc_process
from tests.ray_cluster import cluster_of

if TYPE_CHECKING:
    from tests.lakefs_double.objects import Objects
    from tests.lakefs_double.server import Double

# `make test` looks at the same examples each time: what it says of a change is of that change.
# `make soak` looks at others each time.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("searching", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

# A shell has its background jobs ignore it, and so do all processes that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

LEFT_OUT = shutil.ignore_patterns(".stackc", "__pycache__", "report.html")
Laid = Callable[[str], Path]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what Hypothesis drives, so that it can be run again and again."""
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker("property")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What compiles remember stays out of the cache of whoever runs the tests."""
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.getbasetemp() / "cache")


@pytest.fixture(scope="session", autouse=True)
def no_host_stays(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """End the hosts that tests started in their folders."""
    yield
    ours = str(tmp_path_factory.getbasetemp().resolve())
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if {"backends.host.main", "backends.ray.main"} & {*command} and any(
            ours in part for part in command
        ):
            process.kill()


@pytest.fixture(scope="session")
def ray_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The one Ray cluster of this test process; lend it to a project with ``lend``."""
    with cluster_of(tmp_path_factory.mktemp("ray") / ".stackc") as cluster:
        yield cluster


@pytest.fixture
def example(tmp_path: Path) -> Laid:
    """Lays a fresh copy of an example into the test's folder and tells where."""

    def lay(name: str) -> Path:
        return copied(name, tmp_path / name)

    return lay


@pytest.fixture(scope="session")
def applied_quickstart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The quickstart, applied once. Copy it (``again``) before changing it."""
    folder = copied("quickstart", tmp_path_factory.mktemp("applied") / "quickstart")
    answer = stackc_process("apply", "stack.yaml", "--yes", cwd=folder)
    assert answer.code == 0, answer.text
    return folder


@pytest.fixture
def again(applied_quickstart: Path, tmp_path: Path) -> Path:
    """A copy of the applied quickstart, state and all, that a test may change."""
    return Path(shutil.copytree(applied_quickstart, tmp_path / "again"))


@pytest.fixture(scope="session")
def lake_objects() -> Iterator[Objects]:
    """The S3 behind every double of lakeFS."""
    from tests.lakefs_double.contract import contract
    from tests.lakefs_double.objects import Objects

    contract()
    objects = Objects()
    yield objects
    objects.close()


@pytest.fixture
def double(lake_objects: Objects, monkeypatch: pytest.MonkeyPatch) -> Iterator[Double]:
    """A lakeFS in memory; the test fails where a request or an answer is not as lakeFS's are."""
    yield from _doubled(lake_objects, monkeypatch, presign=False)


@pytest.fixture
def signing(lake_objects: Objects, monkeypatch: pytest.MonkeyPatch) -> Iterator[Double]:
    """The same, and objects go straight to S3 by URLs that it signs."""
    yield from _doubled(lake_objects, monkeypatch, presign=True)


def _doubled(objects: Objects, patch: pytest.MonkeyPatch, *, presign: bool) -> Iterator[Double]:
    from tests.lakefs_double.contract import contract
    from tests.lakefs_double.server import KEY, SECRET, serving

    patch.setenv("LAKEFS_ACCESS_KEY_ID", KEY)
    patch.setenv("LAKEFS_SECRET_ACCESS_KEY", SECRET)
    with serving(contract(), objects, presign=presign) as double:
        yield double
    assert double.violations == []


def copied(name: str, target: Path) -> Path:
    """A copy of an example, with its data written where the clone has none."""
    shutil.copytree(ROOT / "examples" / name, target, ignore=LEFT_OUT)
    script = target / "data.py"
    folder = target / "data"
    if script.exists() and not (folder.is_dir() and any(folder.iterdir())):
        subprocess.run([sys.executable, str(script)], check=True, cwd=target)
    return target
