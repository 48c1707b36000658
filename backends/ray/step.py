"""A step of an embedded backend, run as a Ray task on the files it would be run on here.

Inputs are read where the store has them and outputs are written where the engine expects them:
every machine of the cluster has to see the project's folder.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from backends.duckdb import BACKEND as DUCKDB
from backends.files import BACKEND as FILES
from backends.local import BACKEND as LOCAL
from backends.ray.cluster import join
from backends.whylogs import BACKEND as WHYLOGS
from compiler.backend import Artifact, Outcome, Settings, TaskContext
from compiler.codes import Code
from compiler.diagnostics import Diagnostic, StackcError, fail
from compiler.engine.tasks import Call, Failure, Seed, execute
from compiler.graph.operations import Operation

_POLL_SECONDS = 0.2
_PATIENCE_SECONDS = 10
"""How long a task may say nothing before it is looked at what it waits for."""
_RETRIES = 1
_SAID = "said"


def run(operation: Operation, inputs: Mapping[str, Artifact], context: TaskContext) -> Outcome:
    """The embedded backend's outcome, made by a worker of the cluster.

    Raises:
        StackcError: What the step reports; E711 where its worker died twice; E722.
    """
    call = Call(_embedded()[type(operation)], None, (operation, dict(inputs)), seed_of(context))
    outcome: Outcome = called(call, context)
    return outcome


def called(call: Call, context: TaskContext, **options: Any) -> Any:
    """What a call gives that a worker of the cluster executes; ``options`` are Ray's, of a task.

    Raises:
        StackcError: As ``run``.
    """
    ray = join(context)
    remote = ray.remote(**{"num_cpus": 1, "max_retries": _RETRIES, **options})(executed)
    found = awaited(ray, remote.remote(call), context)
    if isinstance(found, Failure):
        raise failed(found, context)
    return found


def awaited(ray: Any, reference: Any, context: TaskContext) -> Any:
    """The value of a reference, telling meanwhile how far it is.

    Raises:
        StackcError: The worker that makes it died (E711).
    """
    said, waits, since = "", "", time.monotonic()
    while not ray.wait([reference], timeout=_POLL_SECONDS)[0]:
        text = _read(context.workdir / _SAID)
        if not text and time.monotonic() - since > _PATIENCE_SECONDS:
            waits, since = _waiting(ray), time.monotonic()
        if (text or waits) != said:
            said = text or waits
            context.progress(said)
    try:
        return ray.get(reference)
    except ray.exceptions.RayError as error:
        raise lost(ray, context.address, error) from None


def _waiting(ray: Any) -> str:
    """What a task may wait for that says nothing; empty where it may as well be at work."""
    there, free = ray.cluster_resources().get("CPU", 0), ray.available_resources().get("CPU", 0)
    if there < 1:
        return "waits for a machine: the cluster has no processor"
    return f"waits: all {there:g} processors of the cluster are taken" if free < 1 else ""


def lost(ray: Any, address: str, error: Exception) -> StackcError:
    """What Ray's own error about a step says to who asked for it: E711 or E722."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = lines[-1][:300] if lines else type(error).__name__
    kinds = ray.exceptions
    if isinstance(error, kinds.WorkerCrashedError | kinds.OutOfMemoryError | kinds.ActorDiedError):
        return fail(
            Code.WORKER_DIED,
            f"the Ray worker of `{address}` died, and the one after it too",
            help=(
                "the system and Ray kill what uses too much memory: give it less data or more",
                "apply again: what finished is kept",
            ),
            notes=(said,),
        )
    return fail(
        Code.CLUSTER,
        f"the cluster could not run `{address}`: {said}",
        help="every machine of it needs the same stackc, with the packages that the step needs",
    )


def seed_of(context: TaskContext) -> Seed:
    """The plain part of a context; the embedded backends' steps have no settings."""
    return Seed(
        context.address, context.key, dict(context.input_keys), context.observed, context.project,
        context.state, context.workdir, context.threads, context.memory, Settings(),
    )  # fmt: skip


def teller(workdir: Path) -> Callable[[str], None]:
    """Says how far a task is, to who waits for it with ``awaited``."""

    def tell(text: str) -> None:
        (workdir / _SAID).write_text(text, "utf-8")

    return tell


def executed(call: Call) -> Any | Failure:
    """What a call gives in the worker where this runs; a second attempt has a folder of its own."""
    if not call.seed.workdir.is_dir():
        return Failure((_elsewhere(call),))
    workdir = Path(tempfile.mkdtemp(dir=call.seed.workdir))
    own = replace(call, seed=replace(call.seed, workdir=workdir))
    return execute(own, _no_secret, teller(call.seed.workdir))


def _elsewhere(call: Call) -> Diagnostic:
    return Diagnostic(
        Code.CLUSTER,
        f"a machine of the cluster does not see `{call.seed.project}`, where `{call.seed.address}`"
        " reads and writes",
        help=("put the project on a file system that all machines of the cluster share",),
    )


def _no_secret(_text: str) -> str:
    raise ValueError("secrets are not resolved in a cluster")


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError:
        return ""


@cache
def _embedded() -> Mapping[type[Operation], str]:
    """Where each operation's step is, by the backend that runs it without Ray."""
    return {
        kind: lowering.target
        for backend in (FILES, DUCKDB, WHYLOGS, LOCAL)
        for kind, lowering in backend.lowerings.items()
    }


def failed(failure: Failure, context: TaskContext) -> StackcError:
    """What a worker reported, as it is; or E799 with what it said of an error nobody expected."""
    if failure.diagnostics:
        return StackcError(*failure.diagnostics)
    return fail(
        Code.INTERNAL,
        f"`{context.address}` met an error nobody expected: {failure.error}",
        help="this is a bug; what the worker said follows",
        notes=tuple(failure.trace.strip().splitlines()[-8:]),
    )
