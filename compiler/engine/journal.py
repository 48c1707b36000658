"""What was begun and what was ended: durable before every effect, so a crash leaves no doubt."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from msgspec import Struct

from compiler.backend import Json
from compiler.engine import durable
from compiler.engine.rows import NodeRow, now, text
from compiler.engine.state import State


class Entry(Struct, frozen=True):
    """One action: ``intent`` is the row that it means to leave (or to remove).

    ``status`` is begun, done, failed or interrupted; ``detail`` what is worth
    telling of it. An entry is *open* while its effect may or may not be there.
    """

    sequence: int
    operation_id: str
    run: str
    address: str
    action: str
    key: str
    kind: str
    intent: NodeRow
    began: str
    ended: str | None
    status: str
    detail: Json


def begin(state: State, run: str, action: str, intent: NodeRow) -> Entry:
    """Write down an action before its effect.

    An action on the same resource that was begun and whose end is unknown is
    taken up again under its own operation id, so its backend can tell that it
    is the same effect.
    """
    with state.transaction(changes=False):
        durable.point("journal.begin")
        known = state.execute(
            "SELECT operation_id FROM journal WHERE address = ? AND action = ? AND key = ?"
            " AND kind = 'resource' AND open = 1 ORDER BY sequence DESC LIMIT 1",
            intent.address, action, intent.key,
        )  # fmt: skip
        operation_id = str(known[0][0]) if known else uuid4().hex
        began = now()
        state.execute(
            "INSERT INTO journal (operation_id, run, address, action, key, kind, intent, began,"
            " status, open, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'begun', 1, '{}')",
            operation_id, run, intent.address, action, intent.key, intent.kind,
            text(intent.as_json()), began,
        )  # fmt: skip
        sequence = int(state.execute("SELECT last_insert_rowid()")[0][0])
    return Entry(
        sequence, operation_id, run, intent.address, action, intent.key, intent.kind, intent,
        began, None, "begun", {},
    )  # fmt: skip


def end(state: State, entry: Entry, status: str, detail: Json) -> None:
    """Write how an action ended, inside the transaction that holds its result.

    A success settles every earlier doubt about the same address; a failure of
    a resource stays open, because its effect may be there.
    """
    still_open = int(status != "done" and entry.kind == "resource")
    state.execute(
        "UPDATE journal SET ended = ?, status = ?, open = ?, detail = ? WHERE sequence = ?",
        now(), status, still_open, text(detail), entry.sequence,
    )  # fmt: skip
    if status == "done":
        state.execute(
            "UPDATE journal SET open = 0 WHERE address = ? AND sequence < ? AND open = 1",
            entry.address, entry.sequence,
        )  # fmt: skip


def close_steps(state: State) -> None:
    """Nothing is in doubt about a step: what is not in the state was not made."""
    state.execute("UPDATE journal SET open = 0 WHERE open = 1 AND kind = 'step'")


def close_all(state: State) -> None:
    """After a run that left nothing undone, nothing is in doubt."""
    state.execute("UPDATE journal SET open = 0 WHERE open = 1")


def open_entries(state: State) -> tuple[Entry, ...]:
    """Actions whose effect may be there, oldest first; the newest of each operation id."""
    found: dict[str, Entry] = {}
    for entry in _entries(state, "open = 1"):
        found.pop(entry.operation_id, None)
        found[entry.operation_id] = entry
    return tuple(found.values())


def of_run(state: State, run: str) -> tuple[Entry, ...]:
    """What one run did, in the order it began."""
    return _entries(state, "run = ?", run)


def _entries(state: State, where: str, *values: str) -> tuple[Entry, ...]:
    rows = state.execute(
        "SELECT sequence, operation_id, run, address, action, key, kind, intent, began, ended,"
        f" status, detail FROM journal WHERE {where} ORDER BY sequence",
        *values,
    )
    with state.whole():
        return tuple(_entry(row) for row in rows)


def _entry(row: tuple[Any, ...]) -> Entry:
    return Entry(
        sequence=row[0], operation_id=row[1], run=row[2], address=row[3], action=row[4],
        key=row[5], kind=row[6], intent=NodeRow.from_json(json.loads(row[7])), began=row[8],
        ended=row[9], status=row[10], detail=json.loads(row[11]),
    )  # fmt: skip
