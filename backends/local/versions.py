"""The resource Publish: a table as the current version of its name.

``versions/<name>/<number>.json`` is one published version; ``current.json``
says which of them downstream nodes see. Every write is one durable step, the
pointer last, so a kill leaves either the old version current or the new one.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import Struct

from compiler.backend import Applied, Artifact, EventDraft, Json, Outcome, TaskContext
from compiler.codes import Code
from compiler.diagnostics import StackcError, fail
from compiler.engine import durable
from compiler.engine.store import Store
from compiler.graph.digest import canonical
from compiler.graph.documents import RuleResult, Verdict, Version
from compiler.graph.operations import Publish
from compiler.graph.types import SUFFIXES, TableType

_CURRENT = "current.json"
_KEPT_OPERATIONS = 50
_SHOWN = 60


class Entry(Struct, frozen=True):
    """A published version with the operations that published it, newest last."""

    version: Version
    operations: tuple[str, ...]

    @property
    def number(self) -> int:
        """Counts from 1 per name."""
        return self.version["number"]

    @property
    def attributes(self) -> dict[str, Json]:
        """What finds the version again."""
        version = self.version
        return {k: version[k] for k in ("name", "number", "digest")}


class Versions:
    """Reconciles published tables; the same table again is no new version."""

    def read(self, attributes: Mapping[str, Json], context: TaskContext) -> bool:
        """Whether the version is still the current one."""
        shelf = _Shelf(context.state, attributes["name"])
        current = shelf.current()
        return current is not None and current.attributes == dict(attributes)

    def find(self, operation_id: str, context: TaskContext) -> Applied | None:
        """The version that an interrupted apply published, if it became current."""
        folder = context.state / "versions"
        names = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
        for name in names:
            current = _Shelf(context.state, name).current()
            if current is None or operation_id not in current.operations:
                continue
            store = Store(context.state / "objects", context.workdir)
            table = store.get(current.version["digest"], SUFFIXES[TableType])
            if table is not None:
                return _applied(current, table, operation_id, context)
        return None

    def apply(
        self,
        operation: Publish,
        inputs: Mapping[str, Artifact],
        operation_id: str,
        context: TaskContext,
    ) -> Applied:
        """Make the table the current version.

        Raises:
            StackcError: A blocking rule is broken (E706); the version before
                stays current.
        """
        _refuse_blocked(operation.name, inputs)
        shelf = _Shelf(context.state, operation.name)
        current = shelf.current()
        table = inputs["table"]
        if current is None or current.version["digest"] != table.digest:
            entry = Entry(_version(operation.name, shelf.next_number(), table), (operation_id,))
            shelf.write(entry)
            shelf.point_at(entry.number)
        else:
            operations = dict.fromkeys((*current.operations, operation_id))
            entry = Entry(current.version, tuple(operations)[-_KEPT_OPERATIONS:])
            if entry != current:
                shelf.write(entry)
        return _applied(entry, table.path, operation_id, context)

    def delete(
        self,
        attributes: Mapping[str, Json],
        operation_id: str,  # noqa: ARG002
        context: TaskContext,
    ) -> None:
        """Remove the name with all its versions."""
        _Shelf(context.state, attributes["name"]).clear()


class _Shelf:
    """The versions of one name."""

    def __init__(self, state: Path, name: str) -> None:
        self.folder = state / "versions" / name

    def numbers(self) -> Iterator[int]:
        """The numbers of all versions, in no order."""
        if self.folder.is_dir():
            for path in self.folder.iterdir():
                if path.suffix == ".json" and path.stem.isdecimal():
                    yield int(path.stem)

    def next_number(self) -> int:
        """One above all that were ever written, a version that a kill left behind included."""
        return max(self.numbers(), default=0) + 1

    def current(self) -> Entry | None:
        """The version that downstream nodes see; None where there is none that can be read."""
        pointer = _load(self.folder / _CURRENT)
        number = pointer.get("number")
        found = _load(self.folder / f"{number}.json")
        try:
            return Entry(Version(**found["version"]), tuple(found["operations"]))  # type: ignore[typeddict-item]
        except (KeyError, TypeError):
            return None

    def write(self, entry: Entry) -> None:
        """Keep a version."""
        data = canonical({"version": entry.version, "operations": entry.operations})
        durable.write(self.folder / f"{entry.number}.json", data)

    def point_at(self, number: int) -> None:
        """Make a version the current one."""
        durable.write(self.folder / _CURRENT, canonical({"number": number}))

    def clear(self) -> None:
        """Remove the pointer first: from then on there is no current version."""
        durable.remove(self.folder / _CURRENT)
        shutil.rmtree(self.folder, ignore_errors=True)


def _load(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _version(name: str, number: int, table: Artifact) -> Version:
    from backends.duckdb.parquet import rows_of

    if not isinstance(table.type, TableType):
        raise TypeError("publish needs a table")
    return Version(
        name=name,
        number=number,
        digest=table.digest,
        rows=rows_of(table.path),
        columns=list(table.type.names),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _applied(entry: Entry, table: Path, operation_id: str, context: TaskContext) -> Applied:
    path = context.workdir / "version.json"
    path.write_bytes(canonical(entry.version))
    version = entry.version
    new = entry.operations[0] == operation_id
    event = EventDraft(
        type="data.published",
        subject=context.address,
        message=f"{version['name']} version {version['number']}: {version['rows']} rows",
        data={"version": version["number"], "rows": version["rows"]},
    )
    summary = {"version": version["number"], "rows": version["rows"]}
    files = {"table": table, "version": path}
    return Applied(entry.attributes, Outcome(files, summary, (event,) if new else ()))


def _refuse_blocked(name: str, inputs: Mapping[str, Artifact]) -> None:
    if "verdict" not in inputs:
        return
    verdict: Verdict = json.loads(inputs["verdict"].path.read_bytes())
    if verdict["blocked"]:
        raise rejected(name, verdict)


def rejected(name: str, verdict: Verdict) -> StackcError:
    """The finding for data that broke its blocking rules, one line a rule."""
    broken = [r for r in verdict["rules"] if not r["passed"] and r["on_failure"] == "block"]
    rules = "1 rule" if len(broken) == 1 else f"{len(broken)} rules"
    width = max(len(rule["name"]) for rule in broken) if broken else 0
    whole = all(rule["kind"] in _WHOLE for rule in broken)
    otherwise = (
        "let it `warn`" if whole else "give it a `tolerance`, or let it `quarantine` or `warn`"
    )
    return fail(
        Code.DATA_REJECTED,
        f"the new data of `{name}` breaks {rules}, so it is not published",
        help=(
            f"mend the data, or if the rule is too strict: {otherwise}",
            "nothing reads the new data; a version that was published before stays in use",
        ),
        notes=tuple(_line(rule, width) for rule in broken),
    )


def _line(rule: RuleResult, width: int) -> str:
    allowed = f" (allowed {rule['tolerance']:.4%})" if rule["tolerance"] else ""
    counted = rule["detail"] or f"{rule['broken']} of {rule['rows']} rows"
    share = f", {rule['share']:.4%}{allowed}" if rule["kind"] not in _WHOLE else ""
    shown = ", ".join(str(value)[:_SHOWN] for value in rule["examples"])
    examples = f"; such as {shown}" if shown else ""
    return f"{rule['name']:<{width}}  {counted}{share}{examples}"


_WHOLE = ("row_count", "freshness")
