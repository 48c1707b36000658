"""How a rollout on the host stands, and what a deployment is once it is judged."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from backends.serving.revised import changed, serving, short
from backends.serving.revisions import Revision, Revisions
from compiler.backend import Applied, EventDraft, Json, Standing, TaskContext
from compiler.graph.operations import Rollout


def tried(revision: Revision, current: Revision, host: str, context: TaskContext) -> Applied:
    """A deployment while a revision is tried beside the current one."""
    rollout = _asked(revision)
    url = _url(host, revision.operation.name)
    beside = f"revision {revision.number} beside {current.number}"
    after = f"judged after {_span(rollout.for_s)} and {rollout.requests} requests"
    said = f"answers {rollout.canary} % of the requests at {url}, beside revision {current.number}"
    data = {"canary": rollout.canary, "beside": current.number}
    return serving(
        _keyed_as(current, revision),
        url,
        "host",
        {"host": host, "canary": revision.number},
        {"canary": f"{rollout.canary} %, {beside}, {after}"},
        changed(revision, url, said, data, context),
        context,
    )


def standing(
    shelf: Revisions,
    attributes: Mapping[str, Json],
    said: Mapping[str, Any] | None,
    context: TaskContext,
) -> Standing | None:
    """How the rollout of a deployment's attributes stands.

    Args:
        shelf: The deployment's revisions.
        attributes: As it was applied: ``canary`` is tried beside ``revision``.
        said: What the host says of the canary that it serves now; None without one.
        context: Of the task.
    """
    trial, number = shelf.trials.last(), attributes["canary"]
    revision, former = shelf.record(number), attributes["revision"]
    if trial is None or trial.number != number or revision is None:
        return None
    if trial.verdict is None:
        return Standing(_going_on(revision, former, said))
    url = _url(attributes["host"], revision.operation.name)
    where = {"host": attributes["host"]}
    if trial.verdict.promoted:
        return _promoted(trial.verdict.why, revision, url, where, context)
    serves = shelf.record(former)
    if serves is None:
        return None
    return _aborted(trial.verdict.why, revision, _keyed_as(serves, revision), url, where, context)


def _going_on(revision: Revision, former: int, said: Mapping[str, Any] | None) -> str:
    rollout = _asked(revision)
    head = f"canary: {rollout.canary} %, revision {revision.number} beside {former}"
    if said is None:
        return head
    at = datetime.fromtimestamp(time.time() + said["left"], UTC)
    when = f"after {at:%Y-%m-%d %H:%M:%S} UTC" if said["left"] else "once they are"
    return f"{head}, {said['answered']} of {rollout.requests} requests answered, judged {when}"


def _promoted(
    why: str, revision: Revision, url: str, where: Mapping[str, Json], context: TaskContext
) -> Standing:
    said = f"answers at {url}, promoted: {why}"
    event = changed(revision, url, said, {"promoted": why}, context)
    applied = serving(revision, url, "host", where, {}, event, context)
    return Standing(f"revision {revision.number} was promoted: {why}", True, applied)


def _aborted(
    why: str,
    revision: Revision,
    former: Revision,
    url: str,
    where: Mapping[str, Json],
    context: TaskContext,
) -> Standing:
    name, number = revision.operation.name, revision.number
    text = f"the canary of revision {number} was aborted: {why}"
    data = {"name": name, "revision": number, "beside": former.number, "why": why}
    event = EventDraft(
        type="rollout.aborted",
        subject=context.address,
        message=f"{name}: {text}; revision {former.number} serves on",
        severity="warning",
        data={**data, "digest": revision.digest},
    )
    back = {"rolled_back_from": number, "aborted": why}
    applied = serving(former, url, "host", {**where, **back}, back, event, context)
    return Standing(text, False, applied)


def _asked(revision: Revision) -> Rollout:
    rollout = revision.operation.rollout
    assert rollout is not None  # nothing else is tried
    return rollout


def _keyed_as(revision: Revision, other: Revision) -> Revision:
    """A revision that serves with the key of another: the last one that was asked for holds."""
    operation = replace(revision.operation, api_key=other.operation.api_key)
    return replace(revision, operation=operation, rolled_back_from=None)


def _url(host: str, name: str) -> str:
    return f"{host}/{short(name)}"


def _span(seconds: int) -> str:
    """Seconds as a spec writes them: ``10m``."""
    for size, unit in ((3600, "h"), (60, "m")):
        if seconds % size == 0 and seconds:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
