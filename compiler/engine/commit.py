"""The run's ledger: every change of the state in one transaction with its journal and events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import uuid4

from compiler.backend import EventDraft
from compiler.engine import durable, journal, outbox, rows
from compiler.engine.plan import Action
from compiler.engine.results import Status
from compiler.engine.rows import NodeRow, RunRow
from compiler.engine.state import State
from compiler.engine.store import Store
from compiler.graph.node import Graph
from compiler.graph.operations import Channel

BACKUP = "state.backup.db"


def new_run(graph: Graph, command: str) -> RunRow:
    """A run that is about to begin."""
    return RunRow(
        0, uuid4().hex, command, graph.name, graph.digest, rows.now(), None, "running", {}, ()
    )


class Ledger:
    """Writes one run into the state; used by one thread."""

    def __init__(
        self, state: State, store: Store, run: RunRow, channels: tuple[Channel, ...]
    ) -> None:
        self._state = state
        self._store = store
        self._channels = channels
        self.run = run

    def begin(self) -> None:
        """Write that the run begins."""
        with self._state.transaction(changes=False):
            self.run = rows.begin_run(self._state, self.run)

    def enter(self, action: Action, intent: NodeRow) -> journal.Entry:
        """Write down an action before its effect."""
        return journal.begin(self._state, self.run.id, action.value, intent)

    def commit(
        self, entry: journal.Entry, row: NodeRow | None, drafts: Sequence[EventDraft]
    ) -> None:
        """Write what an action made, that it ended, and what is worth telling of it."""
        with self._state.transaction():
            if row is None:
                rows.drop_node(self._state, entry.address)
            else:
                self._keep(row)
            journal.end(self._state, entry, "done", {})
            self._put(entry.operation_id, drafts)
        durable.point("action.committed")

    def reuse(self, row: NodeRow) -> None:
        """Write that a node has a result of the past."""
        with self._state.transaction():
            rows.put_node(self._state, row)
            rows.use_result(self._state, row.key, self.run.number)

    def fail(
        self, entry: journal.Entry, messages: Sequence[str], drafts: Sequence[EventDraft]
    ) -> None:
        """Write that an action failed, and what is worth telling of it."""
        with self._state.transaction(changes=False):
            journal.end(self._state, entry, "failed", {"messages": list(messages)})
            self._put(entry.operation_id, drafts)

    def abandon(self, entry: journal.Entry) -> None:
        """Write that an action was given up before its end."""
        with self._state.transaction(changes=False):
            journal.end(self._state, entry, "interrupted", {})

    def end(self, status: Status, counts: Mapping[str, int], messages: Sequence[str]) -> None:
        """Write how the run ended, and keep a copy of the state as it is now."""
        with self._state.transaction(changes=False):
            rows.end_run(self._state, self.run, status, counts, messages)
            rows.use_applied(self._state, self.run.number)
            if status == "done":
                journal.close_all(self._state)
            if status != "interrupted":
                self._put(self.run.id, [self._told(status, counts)])
        self._state.backup(self._state.path.with_name(BACKUP))

    def _keep(self, row: NodeRow) -> None:
        rows.put_node(self._state, row)
        self._keep_result(row)

    def _keep_result(self, row: NodeRow) -> None:
        rows.put_stamps(self._state, self._store.take_fresh())
        if row.kind == "step":
            result = rows.Result(row.key, row.outputs, row.summary, row.seconds, self.run.number)
            rows.put_result(self._state, result)

    def _put(self, origin: str, drafts: Sequence[EventDraft]) -> None:
        outbox.put(self._state, self.run.id, origin, drafts, self._channels)

    def _told(self, status: Status, counts: Mapping[str, int]) -> EventDraft:
        listed = ", ".join(f"{count} {name}" for name, count in counts.items())
        return EventDraft(
            f"run.{'finished' if status == 'done' else 'failed'}",
            self.run.stack,
            f"{self.run.stack}: {self.run.command} {status} ({listed})",
            "info" if status == "done" else "error",
            {"counts": dict(counts)},
        )


class SweepLedger(Ledger):
    """Writes a sweep's run: results by their keys.

    What is applied knows nothing of it, so that no plan goes stale and none
    says delete; and no channel is told.
    """

    def __init__(self, state: State, store: Store, run: RunRow) -> None:
        super().__init__(state, store, run, ())

    def commit(
        self, entry: journal.Entry, row: NodeRow | None, _drafts: Sequence[EventDraft]
    ) -> None:
        """Write what a step made, and that it ended."""
        with self._state.transaction(changes=False):
            if row is not None:
                self._keep_result(row)
            journal.end(self._state, entry, "done", {})
        durable.point("action.committed")

    def reuse(self, row: NodeRow) -> None:
        """Nothing: the sweep's points say which results they need."""

    def fail(
        self, entry: journal.Entry, messages: Sequence[str], _drafts: Sequence[EventDraft]
    ) -> None:
        """Write that a step failed."""
        super().fail(entry, messages, ())

    def end(self, status: Status, counts: Mapping[str, int], messages: Sequence[str]) -> None:
        """Write how the run ended; doubts about resources stay, they are not of a sweep."""
        with self._state.transaction(changes=False):
            rows.end_run(self._state, self.run, status, counts, messages)
            journal.close_steps(self._state)
        self._state.backup(self._state.path.with_name(BACKUP))
