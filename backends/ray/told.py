"""What Ray Serve was told last of each deployment: told here, and written down.

Who only looks reads what was written: to join the cluster and ask takes seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import msgspec
from msgspec import Struct, to_builtins
from msgspec.structs import replace

from backends.ray import OWNER, RaySettings
from backends.ray.cluster import running
from backends.ray.replica import Served, Watching
from backends.ray.serve import run
from backends.serving.revisions import Revision, deployments
from backends.serving.watches import monitors
from backends.serving.windows import Windows
from backends.shelf import names
from compiler.backend import TaskContext
from compiler.engine import durable
from compiler.graph.digest import canonical


class Told(Struct, frozen=True):
    """What was told of one deployment: to which cluster, and what it records."""

    cluster: str
    watching: tuple[Watching, ...]


def tell(
    served: Served,
    revision: Revision,
    context: TaskContext,
    *,
    without: str | None = None,
    since: Mapping[str, int] | None = None,
) -> None:
    """Have Serve run a revision, and its replicas record what the monitors ask for.

    Args:
        served: What the replicas serve.
        revision: The revision that this is.
        context: Of the task; its process has joined the cluster.
        without: A monitor that is recorded for no more.
        since: Ends the window of these monitors at this time, in milliseconds.

    Raises:
        Exception: What Ray says where it does not come up.
    """
    asked = _asked(revision.operation.name, context.state, since or {})
    watching = tuple(one for one in asked if one.monitor != without)
    place = monitors(context.state, OWNER).resolve()
    run(replace(served, watching=watching), revision.operation.replicas, place)
    entry = Told(_cluster(context) or "", watching)
    durable.write(_file(revision.operation.name, context), canonical(to_builtins(entry)))


def watching(context: TaskContext) -> Mapping[str, str] | None:
    """The watch of each monitor that is recorded for; None where the cluster serves nothing."""
    cluster = _cluster(context)
    entries = [_read(name, context) for name in names(deployments(context.state, OWNER))]
    held = [entry for entry in entries if entry is not None and entry.cluster == cluster]
    if not held:
        return None
    return {one.monitor: one.watch for entry in held for one in entry.watching}


def there(context: TaskContext) -> bool:
    """Whether the cluster may be there; a named one is not asked before it is needed."""
    return _cluster(context) is not None


def _cluster(context: TaskContext) -> str | None:
    """Tells a cluster from the one before it; None where the project's own does not run."""
    address = cast(RaySettings, context.settings).address
    if address is not None:
        return address
    found = running(context.state)
    return f"{found.pid} {found.started}" if found is not None else None


def _asked(deployment: str, state: Path, since: Mapping[str, int]) -> list[Watching]:
    """What the monitors of a deployment ask for."""
    found = []
    folder = monitors(state, OWNER)
    for name in names(folder):
        windows = Windows(folder, name)
        asked = windows.asked()
        if asked is not None and asked.operation.deployment == deployment:
            begin = since.get(name, windows.judged_until())
            found.append(Watching(name, asked.watch, begin, asked.kept))
    return found


def _file(name: str, context: TaskContext) -> Path:
    return deployments(context.state, OWNER) / name / "told.json"


def _read(name: str, context: TaskContext) -> Told | None:
    try:
        return msgspec.json.decode(_file(name, context).read_bytes(), type=Told)
    except (OSError, msgspec.MsgspecError):
        return None
