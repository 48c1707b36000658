"""The project's own cluster: found where it runs, started where it does not, and joined.

A cluster is one process of ours (``backends.ray.main``) that everything else of
it ends with. Whoever uses it holds a lease, a lock that the kernel lets go with
its process; the cluster ends by itself once nobody holds one and nothing is deployed.
"""

from __future__ import annotations

import fcntl
import importlib
import os
import shutil
import socket
import sys
import warnings
from pathlib import Path
from typing import IO, Any

import psutil
from msgspec import Struct

from backends import detached
from backends.ray import OWNER, RaySettings, environment
from compiler.backend import TaskContext
from compiler.codes import Code
from compiler.diagnostics import StackcError, fail
from compiler.engine import durable

_START_SECONDS = 180.0
_ANSWER_SECONDS = 5.0


class Cluster(Struct, frozen=True):
    """A private cluster as it wrote itself down.

    Attributes:
        pid: The process that it ends with.
        started: When that process began, in seconds since the epoch: tells it
            from another one that was given its number.
        address: What drivers join, ``host:port``.
        folder: Where it keeps its sockets, its token and its logs.
        state: The project's ``.stackc``: tells whether a copied folder is meant.
    """

    pid: int
    started: float
    address: str
    folder: str
    state: str

    @property
    def alive(self) -> bool:
        """Whether its process is still the one that wrote this."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < 1
            return same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False


def home(state: Path) -> Path:
    """Where a project keeps what it knows of Ray."""
    return state / OWNER


def record(state: Path) -> Path:
    """Where a cluster writes itself down; it ends when this file does."""
    return home(state) / "cluster.json"


def log(state: Path) -> Path:
    """What the cluster has to say."""
    return home(state) / "cluster.log"


def written(state: Path) -> Cluster | None:
    """The cluster of this project as it was last written, alive or not."""
    return detached.written(record(state), state, Cluster)


def running(state: Path) -> Cluster | None:
    """The cluster of this project, if it is alive."""
    detached.reap()
    found = written(state)
    return found if found is not None and found.alive else None


def lease_file(state: Path, mode: str = "w") -> IO[str]:
    """What users of a cluster hold a shared lock on, and the cluster an exclusive one to end."""
    durable.make_folder(home(state))
    return (home(state) / "lease").open(mode)


def ensure(state: Path, settings: RaySettings) -> Cluster:
    """The project's running cluster; started when there is none.

    Raises:
        StackcError: It does not come up (E722).
    """
    with detached.alone(home(state)):
        return running(state) or _start(state, settings)


def join(context: TaskContext) -> Any:
    """Make this process a driver of the cluster that the settings name; gives the module ``ray``.

    A private cluster is started when there is none, and is held until this
    process ends or joins another one.

    Raises:
        StackcError: The cluster does not come up or cannot be joined (E722).
    """
    settings = context.settings
    assert isinstance(settings, RaySettings)
    if settings.address is not None:
        _refuse_silent(settings.address)
        return _DRIVER.join(settings.address, dict(environment.QUIET), None)
    lease = lease_file(context.state)
    fcntl.flock(lease, fcntl.LOCK_SH)
    if running(context.state) is None:
        context.progress("starting Ray")
    cluster = ensure(context.state, settings)
    return _DRIVER.join(cluster.address, environment.private(Path(cluster.folder)), lease)


def leave() -> None:
    """Be no driver any longer: Ray ends the process of a driver whose cluster goes away."""
    _DRIVER.leave()


def imported(module: str) -> Any:
    """A module of Ray; what it is told of its own dependencies on the way is not for our users."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(module)


class _Driver:
    """What cluster a process is in: one at a time."""

    def __init__(self) -> None:
        self._address: str | None = None
        self._lease: IO[str] | None = None

    def join(self, address: str, variables: dict[str, str], lease: IO[str] | None) -> Any:
        if self._address == address and imported("ray").is_initialized():
            if lease is not None and lease is not self._lease:
                lease.close()
            return imported("ray")
        ray = self._turned_to(variables)
        try:
            ray.init(
                address=address,
                namespace="stackc",
                log_to_driver=False,
                logging_level="ERROR",
                configure_logging=False,
            )
        except Exception as error:
            raise _unreachable(address, error) from None
        self._address, self._lease = address, lease
        return ray

    def leave(self) -> None:
        if "ray" in sys.modules:
            imported("ray").shutdown()
        if "ray.serve.context" in sys.modules:
            # It would go on to speak with the Serve of the cluster before.
            imported("ray.serve.context")._set_global_client(None)
        if self._lease is not None:
            self._lease.close()
        self._address = self._lease = None
        environment.drop()

    def _turned_to(self, variables: dict[str, str]) -> Any:
        """The module with this environment; what an earlier cluster left in it is dropped."""
        self.leave()
        environment.turn_to(variables)
        ray = imported("ray")
        # Read once when Ray is imported, which somebody else may have done before.
        imported("ray._private.ray_constants").ENABLE_RAY_CLUSTER = environment.many(variables)
        core = imported("ray._raylet")
        core.Config.initialize("")
        core.AuthenticationTokenLoader.instance().reset_cache()
        return ray


_DRIVER = _Driver()


def _start(state: Path, settings: RaySettings) -> Cluster:
    before = written(state)
    durable.remove(record(state))
    if before is not None:
        _sweep(before.folder)
    cpus = settings.cpus or len(os.sched_getaffinity(0))
    arguments = [str(state.resolve()), str(cpus), str(settings.memory_mb << 20)]
    child = detached.start("backends.ray.main", arguments, log(state))
    found = detached.awaited(child, lambda: running(state), _START_SECONDS)
    if found is None:
        raise _not_up(state)
    return found


def _sweep(folder: str) -> None:
    """End what a killed cluster left running, and remove its files."""
    for process in psutil.process_iter():
        try:
            # Ray's processes write their name over their command line; their logs stay open.
            ours = folder in " ".join(process.cmdline())
            if ours or (process.name().startswith("ray::") and _open_below(process, folder)):
                process.kill()
        except psutil.Error:
            continue
    shutil.rmtree(folder, ignore_errors=True)


def _open_below(process: psutil.Process, folder: str) -> bool:
    return any(file.path.startswith(f"{folder}/") for file in process.open_files())


def _refuse_silent(address: str) -> None:
    """Ray itself waits for minutes before it says that nobody is there."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _ANSWER_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise _unreachable(address, error) from None


def _not_up(state: Path) -> StackcError:
    return fail(
        Code.CLUSTER,
        f"Ray does not come up on this machine: {detached.last_words(log(state))}",
        help=f"its log is {log(state)}; or name a cluster that runs with `address: HOST:PORT`",
    )


def _unreachable(address: str, error: Exception) -> StackcError:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return fail(
        Code.CLUSTER,
        f"the Ray cluster at {address} cannot be joined: {lines[0] if lines else type(error)}",
        help="see that it runs there with the same Ray and Python, and that its token is in"
        " RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH",
    )
