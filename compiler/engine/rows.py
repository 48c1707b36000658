"""What the state's tables hold, as small frozen values, and the calls that read and write them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

from msgspec import Struct, field, to_builtins
from msgspec.structs import replace

from compiler.backend import Json
from compiler.engine.state import State
from compiler.engine.store import Stamp, Stored

Outputs: TypeAlias = Mapping[str, Stored]


def now() -> str:
    """The time in UTC, ISO 8601 with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def text(value: Json) -> str:
    """JSON text with sorted keys."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


class NodeRow(Struct, frozen=True):
    """A node as it was last applied.

    Attributes:
        parameters: The operation's parameters, canonical JSON text.
        inputs: Input name to ``address:output`` of its producer.
        input_keys: Input name to the producer's key.
        attributes: What finds a resource again; None for a step.
        backend: Name of the backend that ran it; ``settings`` are its settings.
        finished: UTC time, ISO 8601.
    """

    address: str
    key: str
    kind: str
    operation: str
    version: int
    parameters: str
    inputs: Mapping[str, str]
    input_keys: Mapping[str, str]
    observed: str | None
    capability: str
    category: str
    backend: str
    settings: Mapping[str, Json]
    outputs: Outputs = field(default_factory=dict)
    summary: Mapping[str, Json] = field(default_factory=dict)
    attributes: Mapping[str, Json] | None = None
    run: str = ""
    seconds: float = 0.0
    finished: str = ""

    @property
    def block(self) -> str:
        """The block's address: ``models.late`` of ``models.late/train``."""
        return self.address.split("/", 1)[0]

    def as_json(self) -> dict[str, Json]:
        """The row as plain data."""
        found: dict[str, Json] = to_builtins(self)
        return found

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> NodeRow:
        """The row that ``as_json`` gave."""
        outputs = {name: Stored(**stored) for name, stored in data["outputs"].items()}
        return cls(**{**data, "outputs": outputs})


class Result(Struct, frozen=True):
    """What a step with a key once made; ``used`` is the number of the last run that used it."""

    key: str
    outputs: Outputs
    summary: Mapping[str, Json]
    seconds: float
    used: int


class RunRow(Struct, frozen=True):
    """One run: ``status`` is running, done, failed or interrupted; ``counts`` per action."""

    number: int
    id: str
    command: str
    stack: str
    graph: str
    began: str
    ended: str | None
    status: str
    counts: Mapping[str, int]
    messages: tuple[str, ...]


_COLUMNS = (
    "address, key, kind, operation, version, parameters, inputs, input_keys, observed, outputs,"
    " summary, attributes, capability, category, backend, settings, run, seconds, finished"
)


def nodes(state: State) -> dict[str, NodeRow]:
    """Every node that is applied, by address."""
    rows = state.execute(f"SELECT {_COLUMNS} FROM nodes ORDER BY address")
    with state.whole():
        return {row[0]: _node(row) for row in rows}


def put_node(state: State, row: NodeRow) -> None:
    """Write a node's row, replacing the one it had."""
    state.execute(
        f"INSERT OR REPLACE INTO nodes ({_COLUMNS})"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        row.address, row.key, row.kind, row.operation, row.version, row.parameters,
        text(row.inputs), text(row.input_keys), row.observed, _outputs_text(row.outputs),
        text(row.summary), None if row.attributes is None else text(row.attributes),
        row.capability, row.category, row.backend, text(row.settings), row.run, row.seconds,
        row.finished,
    )  # fmt: skip


def drop_node(state: State, address: str) -> None:
    """Forget a node."""
    state.execute("DELETE FROM nodes WHERE address = ?", address)


def results(state: State, keys: Iterable[str]) -> dict[str, Result]:
    """What is known of each of these keys."""
    found: dict[str, Result] = {}
    for key in keys:
        for row in state.execute(
            "SELECT key, outputs, summary, seconds, used FROM results WHERE key = ?", key
        ):
            with state.whole():
                found[key] = Result(row[0], _outputs(row[1]), json.loads(row[2]), row[3], row[4])
    return found


def put_result(state: State, result: Result) -> None:
    """Keep what a step made under its key."""
    state.execute(
        "INSERT OR REPLACE INTO results (key, outputs, summary, seconds, made, used)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        result.key, _outputs_text(result.outputs), text(result.summary), result.seconds,
        result.used, result.used,
    )  # fmt: skip


def use_result(state: State, key: str, number: int) -> None:
    """Say that a run used what was made under a key."""
    state.execute("UPDATE results SET used = ? WHERE key = ?", number, key)


def use_applied(state: State, number: int) -> None:
    """Say that a run used every result that is applied now."""
    state.execute("UPDATE results SET used = ? WHERE key IN (SELECT key FROM nodes)", number)


def drop_results(state: State, keep: Iterable[str], keep_runs: int) -> int:
    """Forget results that neither these keys nor the last runs need; how many."""
    wanted = set(keep)
    newest = int(state.execute("SELECT coalesce(max(number), 0) FROM runs")[0][0])
    oldest = newest - keep_runs
    old = [
        row[0]
        for row in state.execute("SELECT key FROM results WHERE used <= ?", oldest)
        if row[0] not in wanted
    ]
    for key in old:
        state.execute("DELETE FROM results WHERE key = ?", key)
    return len(old)


def result_digests(state: State) -> set[str]:
    """The digest of every output of every known result."""
    return {
        stored.digest
        for row in state.execute("SELECT outputs FROM results")
        for stored in _outputs(row[0]).values()
    }


def keep_stamps(state: State, digests: Iterable[str]) -> None:
    """Forget the stamps of all other objects."""
    wanted = set(digests)
    for (digest,) in state.execute("SELECT digest FROM stamps"):
        if digest not in wanted:
            state.execute("DELETE FROM stamps WHERE digest = ?", digest)


def begin_run(state: State, run: RunRow) -> RunRow:
    """Write that a run begins; gives it the next number. Runs left open were interrupted."""
    state.execute("UPDATE runs SET status = 'interrupted' WHERE status = 'running'")
    number = int(state.execute("SELECT coalesce(max(number), 0) + 1 FROM runs")[0][0])
    state.execute(
        "INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, NULL, 'running', '{}', '[]')",
        number, run.id, run.command, run.stack, run.graph, run.began,
    )  # fmt: skip
    return replace(run, number=number)


def end_run(
    state: State, run: RunRow, status: str, counts: Mapping[str, int], messages: Iterable[str]
) -> None:
    """Write how a run ended."""
    state.execute(
        "UPDATE runs SET ended = ?, status = ?, counts = ?, messages = ? WHERE id = ?",
        now(), status, text(dict(counts)), text(list(messages)), run.id,
    )  # fmt: skip


def runs(state: State, limit: int | None = None) -> tuple[RunRow, ...]:
    """The runs, newest first."""
    rows = state.execute(
        "SELECT number, id, command, stack, graph, began, ended, status, counts, messages"
        " FROM runs ORDER BY number DESC LIMIT ?",
        -1 if limit is None else limit,
    )
    with state.whole():
        return tuple(_run(row) for row in rows)


def stamps(state: State) -> dict[str, Stamp]:
    """The stamp every object had when it was last verified."""
    rows = state.execute("SELECT digest, mtime, size, inode FROM stamps")
    return {row[0]: (row[1], row[2], row[3]) for row in rows}


def put_stamps(state: State, found: Mapping[str, Stamp]) -> None:
    """Remember the stamps of objects that were verified."""
    for digest, stamp in found.items():
        state.execute("INSERT OR REPLACE INTO stamps VALUES (?, ?, ?, ?)", digest, *stamp)


def _node(row: tuple[Any, ...]) -> NodeRow:
    return NodeRow(
        address=row[0], key=row[1], kind=row[2], operation=row[3], version=row[4],
        parameters=row[5], inputs=json.loads(row[6]), input_keys=json.loads(row[7]),
        observed=row[8], outputs=_outputs(row[9]), summary=json.loads(row[10]),
        attributes=None if row[11] is None else json.loads(row[11]), capability=row[12],
        category=row[13], backend=row[14], settings=json.loads(row[15]), run=row[16],
        seconds=row[17], finished=row[18],
    )  # fmt: skip


def _run(row: tuple[Any, ...]) -> RunRow:
    return RunRow(
        number=row[0], id=row[1], command=row[2], stack=row[3], graph=row[4], began=row[5],
        ended=row[6], status=row[7], counts=json.loads(row[8]),
        messages=tuple(json.loads(row[9])),
    )  # fmt: skip


def _outputs(value: str) -> dict[str, Stored]:
    return {name: Stored(**stored) for name, stored in json.loads(value).items()}


def _outputs_text(outputs: Outputs) -> str:
    return text({name: to_builtins(stored) for name, stored in outputs.items()})
