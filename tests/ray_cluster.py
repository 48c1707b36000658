"""One Ray cluster for all tests of a process, lent to their projects."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import psutil
from msgspec.structs import replace

from backends.ray import RaySettings
from backends.ray.cluster import Cluster, ensure, lease_file, leave, record, running
from compiler.graph.digest import canonical

SMALL = RaySettings(cpus=2, memory_mb=120, workers=2)


@contextmanager
def cluster_of(state: Path) -> Iterator[Cluster]:
    """A cluster that stays until the end, with this process holding its lease."""
    import fcntl

    with lease_file(state) as lease:
        fcntl.flock(lease, fcntl.LOCK_SH)
        yield ensure(state, SMALL)
    leave()
    end(state)


def end(state: Path) -> None:
    """End the cluster of a project, and wait."""
    found = running(state)
    if found is not None:
        os.kill(found.pid, 15)
        psutil.Process(found.pid).wait(60)


def lend(cluster: Cluster, state: Path) -> None:
    """Make it the cluster of another project too; it does not end with that one."""
    record(state).parent.mkdir(parents=True, exist_ok=True)
    own = replace(cluster, state=str(state.resolve()))
    record(state).write_bytes(canonical(msgspec.to_builtins(own)))


def unfinished(folder: Path) -> list[Path]:
    """The trainings under way in a project that Ray has noted a checkpoint of."""
    return [*folder.glob(".stackc/ray/training/*/*/checkpoint_manager_snapshot.json")]
