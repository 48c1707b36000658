"""The resource Watch on Ray Serve: each replica sketches what it is asked, and puts it together."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import ClassVar

from backends.ray import OWNER
from backends.ray.cluster import join
from backends.ray.serve import told
from backends.ray.told import tell, watching
from backends.serving.revised import short
from backends.serving.revisions import Revisions
from backends.serving.watches import Watches, monitors, silent
from backends.serving.windows import Windows
from compiler.backend import TaskContext
from compiler.graph.operations import Watch


class RayWatches(Watches):
    """Replicas are told anew what to record; where they put it is the project's folder."""

    owner: ClassVar[str] = OWNER

    def watching(self, context: TaskContext) -> Mapping[str, str] | None:
        """What was told last to the cluster that runs."""
        return watching(context)

    def begin(self, operation: Watch, context: TaskContext) -> None:
        """Tell every replica to record for it."""
        if not _retold(operation.deployment, context):
            raise silent(operation.monitor)

    def end(self, monitor: str, context: TaskContext) -> None:
        """Tell every replica to forget it."""
        asked = Windows(monitors(context.state, OWNER), monitor).asked()
        if asked is not None:
            _retold(asked.operation.deployment, context, without=monitor)

    def close(self, monitor: str, context: TaskContext) -> float:
        """Tell every replica to begin another window at the same moment, which is given back."""
        now = time.time_ns() // 1_000_000
        asked = Windows(monitors(context.state, OWNER), monitor).asked()
        if asked is not None and not _retold(
            asked.operation.deployment, context, since={monitor: now}
        ):
            raise silent(monitor)
        return now


def _retold(
    deployment: str,
    context: TaskContext,
    *,
    without: str | None = None,
    since: Mapping[str, int] | None = None,
) -> bool:
    """Tell the replicas of a deployment what it records; False where there are none."""
    join(context)
    served = told(short(deployment))
    if served is None:
        return False
    revision = Revisions(context.state, deployment, OWNER).record(served.revision)
    if revision is None:
        return False
    tell(served, revision, context, without=without, since=since)
    return True
