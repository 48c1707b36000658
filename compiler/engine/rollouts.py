"""Rollouts that go on: how each stands, and what becomes of a deployment once it is judged."""

from __future__ import annotations

import json
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from compiler.backend import Standing
from compiler.engine import durable, outbox, rows
from compiler.engine.execution import scratch_folder, seed_of, store_applied
from compiler.engine.looking import silent
from compiler.engine.project import Project
from compiler.engine.rows import NodeRow
from compiler.engine.tasks import Call
from compiler.graph.node import Graph
from compiler.graph.operations import Channel, Deploy
from compiler.lower import Lowered


class Rolling(Struct, frozen=True):
    """One deployment whose rollout goes on, or was judged at this look.

    Attributes:
        block: The deployment.
        text: How it stands.
        promoted: How it was judged; None while it goes on.
    """

    block: str
    text: str
    promoted: bool | None


def going_on(project: Project) -> tuple[NodeRow, ...]:
    """The deployments that were applied with a canary, and not heard of since."""
    found = rows.nodes(project.state).values()
    return tuple(row for row in found if (row.attributes or {}).get("canary") is not None)


def asked_for(project: Project) -> bool:
    """Whether a deployment with a rollout is applied."""
    found = rows.nodes(project.state).values()
    deployments = [row for row in found if row.operation == Deploy.__name__]
    return any(json.loads(row.parameters).get("rollout") is not None for row in deployments)


def look(project: Project, lowered: Lowered) -> tuple[Rolling, ...]:
    """How each rollout stands; changes nothing.

    Raises:
        StackcError: A backend cannot be asked.
    """
    rolling = going_on(project)
    if not rolling:
        return ()  # looking makes no file where there is nothing to ask
    with scratch_folder(project) as workdir:
        asked = [(row, _standing(project, lowered, row, workdir)) for row in rolling]
    return tuple(Rolling(row.block, s.text, s.promoted) for row, s in asked if s is not None)


def settle_rollouts(project: Project, graph: Graph, lowered: Lowered) -> tuple[Rolling, ...]:
    """Take over what became of each rollout, in one transaction with the event that tells of it.

    Args:
        project: Open for writing.
        graph: The graph that is wanted; its channels are told.
        lowered: Where the backends come from.

    Raises:
        StackcError: A backend cannot be asked.
    """
    found = []
    channels = outbox.channels_of(graph)
    for row in going_on(project):
        with scratch_folder(project) as workdir:
            standing = _standing(project, lowered, row, workdir)
            if standing is None:
                continue
            if standing.applied is not None:
                _take_over(project, row, standing, workdir, channels)
        found.append(Rolling(row.block, standing.text, standing.promoted))
    return tuple(found)


def _standing(project: Project, lowered: Lowered, row: NodeRow, workdir: Path) -> Standing | None:
    task = lowered.restore(row.backend, row.operation, row.settings)
    seed = seed_of(project, row, task, workdir)
    call = Call(task.lowering.target, "standing", (row.attributes or {},), seed)
    found: Standing | None = project.workers.run(call, task.lowering.isolation, silent)
    return found


def _take_over(
    project: Project,
    row: NodeRow,
    standing: Standing,
    workdir: Path,
    channels: tuple[Channel, ...],
) -> None:
    """Write the deployment as it is now; the same rollout tells the same event once."""
    assert standing.applied is not None
    attributes = row.attributes or {}
    settled, events = store_applied(project, row, standing.applied, workdir)
    drafts = [outbox.scrubbed(project, draft) for draft in events]
    state = project.state
    origin = f"{row.address} rollout {attributes['canary']} {row.finished}"
    with state.transaction():
        rows.put_node(state, replace(settled, finished=rows.now()))
        rows.put_stamps(state, project.store.take_fresh())
        outbox.put(state, row.run, origin, drafts, channels)
    durable.point("rollout.settled")
