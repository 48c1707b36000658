"""Events: written with the change they tell of, delivered at least once, with a stable id."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import uuid4

from msgspec import Struct

from compiler.backend import EventDraft, Json
from compiler.codes import Code
from compiler.diagnostics import Diagnostic, Findings, StackcError
from compiler.engine import durable
from compiler.engine.placing import placed
from compiler.engine.project import Project
from compiler.engine.rows import now, text
from compiler.engine.state import State
from compiler.engine.tasks import Call, Seed, plain
from compiler.graph.digest import digest
from compiler.graph.node import Graph, Node
from compiler.graph.operations import Channel
from compiler.lower import Lowered, LoweredTask

OF_CODE = {Code.DATA_REJECTED: "data.rejected", Code.GATE_FAILED: "gate.failed"}
"""Failures that are worth an event of their own."""


class Event(Struct, frozen=True):
    """An event as it was written; ``body`` is the CloudEvent."""

    id: str
    type: str
    subject: str
    run: str
    time: str
    body: Mapping[str, Json]


def scrubbed(project: Project, draft: EventDraft) -> EventDraft:
    """The draft as plain data without values of secrets."""
    scrub = project.secrets.scrub
    return EventDraft(
        draft.type,
        scrub(draft.subject),
        scrub(draft.message),
        draft.severity,
        project.secrets.scrub_data(plain(dict(draft.data))),
        tuple(draft.notify),
    )


def failure_events(subject: str, found: Iterable[Diagnostic]) -> list[EventDraft]:
    """What a failed node tells besides that the run failed."""
    return [
        EventDraft(OF_CODE[d.code], subject, d.message, "error", {"notes": list(d.notes)})
        for d in found
        if d.code in OF_CODE
    ]


def channels_of(graph: Graph) -> tuple[Channel, ...]:
    """The channels of a graph."""
    return tuple(n.operation for n in graph if isinstance(n.operation, Channel))


def put(
    state: State,
    run: str,
    origin: str,
    drafts: Sequence[EventDraft],
    channels: Iterable[Channel],
) -> None:
    """Write events inside the transaction of their change, and whom to tell of each.

    ``origin`` is the operation id that they come from: the same operation
    tells the same event once, however often it is taken up again.
    """
    for number, draft in enumerate(drafts):
        identity = digest([state.lineage, origin, number, draft.type])[:32]
        time = now()
        body = {
            "specversion": "1.0",
            "id": identity,
            "source": f"urn:stackc:{state.lineage}",
            "type": f"dev.stackc.{draft.type}",
            "subject": draft.subject,
            "time": time,
            "datacontenttype": "application/json",
            "data": {
                "message": draft.message,
                "severity": draft.severity,
                "run": run,
                "notify": list(draft.notify),
                **draft.data,
            },
        }
        state.execute(
            "INSERT OR IGNORE INTO events (id, type, subject, run, time, body)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            identity, draft.type, draft.subject, run, time, text(body),
        )  # fmt: skip
        for channel in channels:
            if draft.type in channel.events or channel.name in draft.notify:
                state.execute(
                    "INSERT OR IGNORE INTO deliveries VALUES (?, ?, 'waiting', 0, '')",
                    identity, channel.name,
                )  # fmt: skip


def events(state: State, limit: int | None = None) -> tuple[Event, ...]:
    """The events, newest first."""
    found = state.execute(
        "SELECT id, type, subject, run, time, body FROM events ORDER BY sequence DESC LIMIT ?",
        -1 if limit is None else limit,
    )
    with state.whole():
        return tuple(_event(row) for row in found)


def deliver(project: Project, graph: Graph, lowered: Lowered, findings: Findings) -> int:
    """Hand every waiting event to its channels, oldest first; how many were handed on.

    A channel that fails is left alone until the next apply, with a warning
    W701; it never fails the run.
    """
    nodes = {n.operation.name: n for n in graph if isinstance(n.operation, Channel)}
    waiting = _waiting(project.state)
    if waiting.keys() - nodes.keys():
        _drop(project.state, waiting.keys() - nodes.keys())
    count = 0
    for name in sorted(waiting.keys() & nodes.keys()):
        node = nodes[name]
        for event in waiting[name]:
            found = hand_on(project, node, lowered.tasks[node.address], "deliver", dict(event.body))
            _note(project.state, event, name, found)
            if found is not None:
                findings.add([placed(found, node.origin)])
                break
            count += 1
    return count


def _waiting(state: State) -> dict[str, list[Event]]:
    """What each channel has still to be told, oldest first."""
    found: dict[str, list[Event]] = {}
    for row in state.execute(
        "SELECT d.channel, e.id, e.type, e.subject, e.run, e.time, e.body FROM deliveries d"
        " JOIN events e ON e.id = d.event WHERE d.status = 'waiting' ORDER BY e.sequence"
    ):
        found.setdefault(row[0], []).append(_event(row[1:]))
    return found


def _event(row: tuple[Any, ...]) -> Event:
    return Event(
        id=row[0], type=row[1], subject=row[2], run=row[3], time=row[4], body=json.loads(row[5])
    )


def _drop(state: State, channels: Iterable[str]) -> None:
    """Channels that are gone are told nothing."""
    with state.transaction(changes=False):
        for name in channels:
            state.execute(
                "UPDATE deliveries SET status = 'dropped' WHERE channel = ?"
                " AND status = 'waiting'",
                name,
            )  # fmt: skip


def hand_on(
    project: Project, node: Node, task: LoweredTask, method: str, what: Json
) -> Diagnostic | None:
    """Hand something to a channel by one of its methods; the warning when it could not be."""
    limits = project.workers.limits
    workdir = project.scratch / uuid4().hex
    durable.make_folder(workdir)
    seed = Seed(
        node.address, "", {}, None, project.root, project.folder, workdir, limits.threads,
        limits.memory, task.settings,
    )  # fmt: skip
    call = Call(task.lowering.target, method, (node.operation, what), seed)
    durable.point("deliver.begin")
    try:
        project.workers.run(call, task.lowering.isolation, lambda _text: None)
    except StackcError as error:
        return _warning(node, error.diagnostics[0])
    finally:
        shutil.rmtree(workdir, ignore_errors=True)
    durable.point("deliver.done")
    return None


def _warning(node: Node, found: Diagnostic) -> Diagnostic:
    if found.code is Code.NOTIFICATION_FAILED:
        return found
    return Diagnostic(
        Code.NOTIFICATION_FAILED,
        f"`{node.block}` could not be told: {found.message}",
        help=(*found.help, "the event is kept and told at the next apply"),
    )


def _note(state: State, event: Event, channel: str, found: Diagnostic | None) -> None:
    with state.transaction(changes=False):
        state.execute(
            "UPDATE deliveries SET status = ?, attempts = attempts + 1, error = ?"
            " WHERE event = ? AND channel = ?",
            "waiting" if found else "done", found.message if found else "", event.id, channel,
        )  # fmt: skip
