"""The process that a private cluster ends with: ``python -m backends.ray.main STATE CPUS BYTES``.

Everything of the cluster is a child of this process and dies with it, however it ends.
"""

from __future__ import annotations

import fcntl
import importlib
import os
import secrets
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType
from typing import IO

import msgspec
import psutil

from backends.ray import environment
from backends.ray.cluster import Cluster, home, lease_file, record
from backends.ray.ingress import free_ports, prepare
from compiler.engine import durable
from compiler.graph.digest import canonical

_LOOK_SECONDS = 0.5
_ATTEMPTS = 3
_LINGER_SECONDS = 2.0
"""Longer than from one command's end to the beginning of the next in a script."""


def main(state: Path, cpus: int, memory: int) -> int:
    """Keep a cluster until nobody needs it, or until the record of this process is gone."""
    signal.signal(signal.SIGTERM, _end)
    folder = _folder()
    try:
        prepare(folder)
        _write_token(folder / "token")
        environment.take({**environment.private(folder), **environment.ports(*free_ports(3))})
        address = _started(folder, cpus, memory)
        me = psutil.Process()
        entry = Cluster(me.pid, me.create_time(), address, str(folder), str(state))
        durable.write(record(state), canonical(msgspec.to_builtins(entry)), mode=0o600)
        _watch(state, entry)
    finally:
        # Ray's processes write into the folder until they have ended.
        if "ray" in sys.modules:
            sys.modules["ray"].shutdown()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _folder() -> Path:
    """Short, because the paths of Ray's sockets add 80 bytes to it and may have 107."""
    root = Path("/tmp")  # noqa: S108 (only its owner may open what mkdtemp makes)
    return Path(tempfile.mkdtemp(prefix="stackc-ray-", dir=root if root.is_dir() else None))


def _write_token(path: Path) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_hex(32))


def _started(folder: Path, cpus: int, memory: int) -> str:
    """Start Ray, once more where it gave up: it waits half a minute for its own processes."""
    ray = importlib.import_module("ray")
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            context = ray.init(
                address="local",
                num_cpus=cpus,
                object_store_memory=memory,
                include_dashboard=False,
                log_to_driver=False,
                namespace="stackc",
                # A folder of its own: Ray opens it to everybody.
                _temp_dir=str(folder / f"r{attempt}"),
            )
        except Exception:
            if attempt == _ATTEMPTS:
                raise
            ray.shutdown()
        else:
            break
    found: str = context.address_info["gcs_address"]
    return found


def _watch(state: Path, entry: Cluster) -> None:
    """Return when the record is gone, or when nobody holds a lease and nothing is deployed."""
    idle = time.monotonic()
    with lease_file(state) as lease:
        while _recorded(state, entry):
            time.sleep(_LOOK_SECONDS)
            if not home(state).is_dir() or _deployed(state) or not _free(lease):
                idle = time.monotonic()
            elif time.monotonic() - idle < _LINGER_SECONDS:
                fcntl.flock(lease, fcntl.LOCK_UN)
            else:
                # Who comes now waits for the lease, and finds no record when it has it.
                durable.remove(record(state))
                return


def _recorded(state: Path, entry: Cluster) -> bool:
    try:
        return msgspec.json.decode(record(state).read_bytes(), type=Cluster) == entry
    except (OSError, msgspec.MsgspecError):
        return False


def _deployed(state: Path) -> bool:
    return any(home(state).glob("deployments/*/current.json"))


def _free(lease: IO[str]) -> bool:
    try:
        fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _end(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
