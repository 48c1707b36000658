"""Alerts that become events, and the channels that events go to: a webhook or the log."""

# ruff: noqa: ARG002 (a protocol sets the arguments, whether a class needs them or not)
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from msgspec import to_builtins

from backends.local.webhook import post
from compiler.backend import Applied, Artifact, EventDraft, Json, Outcome, TaskContext
from compiler.engine import durable
from compiler.engine.alerts import drift_event, drifted, dropped, performance_event
from compiler.engine.telling import RunTold
from compiler.graph.digest import digest
from compiler.graph.operations import Alert, Channel

LOG = "events.log"
ALERTS = "alerts"


class Channels:
    """Channels: nothing of them lives outside; events are delivered to them from the outbox."""

    def read(self, attributes: Mapping[str, Json], context: TaskContext) -> bool:
        """Always there."""
        return True

    def find(self, operation_id: str, context: TaskContext) -> Applied | None:
        """Nothing was made, so nothing is found."""
        return None

    def apply(
        self,
        operation: Channel,
        inputs: Mapping[str, Artifact],
        operation_id: str,
        context: TaskContext,
    ) -> Applied:
        """Note the channel; nobody is told anything."""
        return Applied({"name": operation.name, "digest": digest(operation)}, Outcome({}))

    def delete(
        self, attributes: Mapping[str, Json], operation_id: str, context: TaskContext
    ) -> None:
        """Nothing to remove; the log stays, it is history."""

    def deliver(self, operation: Channel, event: Mapping[str, Json], context: TaskContext) -> None:
        """Hand one CloudEvent to the channel: POST it, or append it to ``.stackc/events.log``.

        Raises:
            StackcError: W701 where the webhook does not take it, E708 where a
                secret is missing. The message holds the url as the spec has
                it, never a resolved secret.
        """
        body = json.dumps(event, allow_nan=False).encode("ascii")
        if operation.url is None:
            durable.append(context.state / LOG, body + b"\n")
            return
        headers = {name: context.secret(value) for name, value in operation.headers}
        post(operation.name, operation.url, context.secret(operation.url), headers, body)

    def tell(self, operation: Channel, runs: Sequence[RunTold], context: TaskContext) -> None:
        """Tell OpenLineage of runs: every step with its datasets and where columns come from.

        What an endpoint does not take is kept beside the state and sent with the next run.

        Raises:
            StackcError: W701 where something is kept or had to be given up.
        """
        from backends.local.sending import send
        from backends.openlineage.events import events_of

        send(operation, [line for run in runs for line in events_of(run)], context)


class Alerts:
    """Alerts: one per document, recorded under ``.stackc/alerts`` by operation id."""

    def read(self, attributes: Mapping[str, Json], context: TaskContext) -> bool:
        """Whether the record is there and is of the same document."""
        record = _record(_path(str(attributes.get("operation_id")), context))
        return record is not None and record["attributes"] == dict(attributes)

    def find(self, operation_id: str, context: TaskContext) -> Applied | None:
        """The alert that was recorded under this id, its events included."""
        record = _record(_path(operation_id, context))
        return None if record is None else _applied(record)

    def apply(
        self,
        operation: Alert,
        inputs: Mapping[str, Artifact],
        operation_id: str,
        context: TaskContext,
    ) -> Applied:
        """Record the verdict; an event where the document alerts.

        It is ``drift.detected`` or ``performance.dropped``, by what the document is of.
        """
        earlier = self.find(operation_id, context)
        if earlier is not None:
            return earlier
        ((kind, source),) = inputs.items()
        found = json.loads(source.path.read_text(encoding="utf-8"))
        record = {
            "address": context.address,
            "attributes": {
                "operation_id": operation_id,
                "digest": source.digest,
                "alert": found["alert"],
            },
            "summary": {"alert": found["alert"], **_counted(kind, found)},
            "events": [to_builtins(event) for event in _events(operation, kind, found)],
        }
        durable.write(_path(operation_id, context), json.dumps(record).encode("ascii"))
        return _applied(record)

    def delete(
        self, attributes: Mapping[str, Json], operation_id: str, context: TaskContext
    ) -> None:
        """Remove the records of this node."""
        for path in (context.state / ALERTS).glob("*.json"):
            record = _record(path)
            if record is not None and record["address"] == context.address:
                durable.remove(path)


def _path(operation_id: str, context: TaskContext) -> Path:
    return context.state / ALERTS / f"{digest(operation_id)[:32]}.json"


def _record(path: Path) -> dict[str, Any] | None:
    """What was recorded; None where nothing was, or nothing that can be read."""
    try:
        record = json.loads(path.read_bytes())
        # One look at what every reader of it needs.
        _applied(record), record["address"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return cast("dict[str, Any]", record)


def _applied(record: Mapping[str, Any]) -> Applied:
    events = tuple(
        EventDraft(**{**event, "notify": tuple(event["notify"])}) for event in record["events"]
    )
    return Applied(dict(record["attributes"]), Outcome({}, dict(record["summary"]), events))


def _counted(kind: str, found: Any) -> dict[str, int]:
    """How many windows of a document alert."""
    return {"drifted": len(drifted(found))} if kind == "drift" else {"dropped": len(dropped(found))}


def _events(operation: Alert, kind: str, found: Any) -> list[EventDraft]:
    if not found["alert"]:
        return []
    event = drift_event if kind == "drift" else performance_event
    return [event(operation.monitor, found, operation.notify)]
