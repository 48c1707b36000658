"""What the state keeps of sweeps: their points, what came of each, and the keys that it needs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from compiler.backend import Json
from compiler.engine.rows import now, text
from compiler.engine.state import State

KEEP_SWEEPS = 10
"""How many of the last sweeps ``gc`` keeps whole."""

TABLES = "sweeps"
"""The folder of ``.stackc`` with a Parquet file for each sweep, named by its number."""

PointStatus: TypeAlias = Literal["waiting", "done", "failed"]


class SweepRow(Struct, frozen=True):
    """One sweep: ``overrides`` are its arguments; asked for again, it is the same sweep.

    ``config_dirs`` are relative to the spec's folder; ``run`` is the last run
    that worked on it; ``status`` is running, done, failed or interrupted.
    """

    number: int
    id: str
    stack: str
    overrides: tuple[str, ...]
    config_dirs: tuple[str, ...]
    began: str
    ended: str | None
    status: str
    run: str


class PointRow(Struct, frozen=True):
    """One point and what came of it.

    Attributes:
        number: Counts from 1 in its sweep.
        overrides: Its overrides, as one run would take them.
        choices: What the sweep chose for it: key and value.
        status: waiting (not all of it ran yet), done, failed.
        metrics: ``model.metric`` and its value, in the order of the spec.
        gates: The gates that it missed: ``model: text``.
        reason: Why it failed; empty where it did not.
        keys: The key of every node that it needs.
        seconds: What its nodes took, each counted as if it ran alone.
    """

    number: int
    overrides: tuple[str, ...]
    choices: tuple[tuple[str, Json], ...]
    status: PointStatus = "waiting"
    metrics: tuple[tuple[str, float | None], ...] = ()
    gates: tuple[str, ...] = ()
    reason: str = ""
    keys: tuple[str, ...] = ()
    seconds: float = 0.0


def begin(state: State, wanted: SweepRow, points: Sequence[PointRow]) -> SweepRow:
    """Write that a sweep begins, or goes on; gives it its number. Call it in a transaction."""
    known = _sweeps(state, "WHERE id = ?", wanted.id)
    if known:
        row = replace(wanted, number=known[0].number, began=known[0].began)
    else:
        newest = state.execute("SELECT coalesce(max(number), 0) FROM sweeps")[0][0]
        row = replace(wanted, number=int(newest) + 1)
    _put(state, row, points)
    return row


def end(state: State, row: SweepRow, points: Sequence[PointRow]) -> SweepRow:
    """Write what came of a sweep. Call it in a transaction."""
    ended = replace(row, ended=now())
    _put(state, ended, points)
    return ended


def sweeps(state: State, limit: int | None = None) -> tuple[SweepRow, ...]:
    """The sweeps, newest first."""
    return _sweeps(state, "ORDER BY number DESC LIMIT ?", -1 if limit is None else limit)


def sweep(state: State, number: int) -> SweepRow | None:
    """One sweep by its number."""
    return next(iter(_sweeps(state, "WHERE number = ?", number)), None)


def sweep_of(state: State, identity: str) -> SweepRow | None:
    """One sweep by what it is of."""
    return next(iter(_sweeps(state, "WHERE id = ?", identity)), None)


def points(state: State, number: int) -> tuple[PointRow, ...]:
    """The points of a sweep, in order."""
    found = state.execute(
        "SELECT number, overrides, choices, status, metrics, gates, reason, keys, seconds"
        " FROM points WHERE sweep = ? ORDER BY number",
        number,
    )
    with state.whole():
        return tuple(_point(row) for row in found)


def drop_sweeps(state: State, keep: int) -> int:
    """Forget all but the last sweeps; how many. Call it in a transaction."""
    old = [row.number for row in sweeps(state)[keep:]]
    for number in old:
        state.execute("DELETE FROM points WHERE sweep = ?", number)
        state.execute("DELETE FROM sweeps WHERE number = ?", number)
    return len(old)


def needed_keys(state: State) -> set[str]:
    """The keys that the points of all known sweeps need."""
    with state.whole():
        return {
            key for (keys,) in state.execute("SELECT keys FROM points") for key in json.loads(keys)
        }


def _put(state: State, row: SweepRow, found: Iterable[PointRow]) -> None:
    state.execute(
        "INSERT OR REPLACE INTO sweeps VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        row.number, row.id, row.stack, text(list(row.overrides)), text(list(row.config_dirs)),
        row.began, row.ended, row.status, row.run,
    )  # fmt: skip
    state.execute("DELETE FROM points WHERE sweep = ?", row.number)
    for point in found:
        state.execute(
            "INSERT INTO points VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            row.number, point.number, text(list(point.overrides)), text(list(point.choices)),
            point.status, text(list(point.metrics)), text(list(point.gates)), point.reason,
            text(list(point.keys)), point.seconds,
        )  # fmt: skip


def _sweeps(state: State, where: str, *values: Any) -> tuple[SweepRow, ...]:
    found = state.execute(
        "SELECT number, id, stack, overrides, config_dirs, began, ended, status, run"
        f" FROM sweeps {where}",
        *values,
    )
    with state.whole():
        return tuple(
            SweepRow(
                row[0], row[1], row[2], tuple(json.loads(row[3])), tuple(json.loads(row[4])),
                row[5], row[6], row[7], row[8],
            )
            for row in found
        )  # fmt: skip


def _point(row: tuple[Any, ...]) -> PointRow:
    return PointRow(
        row[0],
        tuple(json.loads(row[1])),
        tuple((key, value) for key, value in json.loads(row[2])),
        row[3],
        tuple((name, value) for name, value in json.loads(row[4])),
        tuple(json.loads(row[5])),
        row[6],
        tuple(json.loads(row[7])),
        row[8],
    )
