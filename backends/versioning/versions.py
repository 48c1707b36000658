"""The resource Publish, the same wherever the versions are kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from msgspec import Struct, field

from compiler.backend import Applied, Artifact, EventDraft, Json, Outcome, TaskContext
from compiler.engine.store import Store
from compiler.engine.verdicts import blocking, rejected
from compiler.graph.digest import canonical
from compiler.graph.documents import Verdict, Version
from compiler.graph.operations import Publish
from compiler.graph.types import SUFFIXES, TableType


class Published(Struct, frozen=True):
    """A version as a place keeps it.

    Attributes:
        version: What users see of it.
        operation: Id of the operation that made it.
        where: What else finds it in its place.
    """

    version: Version
    operation: str
    where: Mapping[str, str] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """Counts from 1 per name."""
        return self.version["number"]

    @property
    def operations(self) -> tuple[str, ...]:
        """The ids of the operations that made it: one."""
        return (self.operation,)

    @property
    def attributes(self) -> dict[str, Json]:
        """What finds the version again."""
        version = self.version
        return {**{k: version[k] for k in ("name", "number", "digest")}, **self.where}


class Place(Protocol):
    """Where versions are kept; every method may raise StackcError for what a user can cause."""

    def current(self, name: str) -> Published | None:
        """The version of a name that readers of the place see, whole; None where there is none."""

    def find(self, operation_id: str) -> Published | None:
        """The version an operation made, where it came to its end and is still current."""

    def publish(
        self, name: str, table: Artifact, operation_id: str, before: Published | None
    ) -> Published:
        """Make a table the current version, in place of ``before``.

        Killed anywhere and called again with the same id, it is one version.
        """

    def set_aside(self, name: str, table: Artifact, verdict: Verdict, operation_id: str) -> str:
        """Keep a table that its verdict blocks where no reader sees it; says how to look at it."""

    def remove(self, name: str, operation_id: str) -> None:
        """Remove a name with all its versions; removing what is gone is no error."""


class Versions:
    """Reconciles published tables; the same table again is no new version."""

    def place(self, context: TaskContext) -> Place:
        """Where the versions are kept."""
        raise NotImplementedError

    def read(self, attributes: Mapping[str, Json], context: TaskContext) -> bool:
        """Whether the version is still the current one."""
        current = self.place(context).current(attributes["name"])
        return current is not None and current.attributes == dict(attributes)

    def find(self, operation_id: str, context: TaskContext) -> Applied | None:
        """The version that an interrupted apply published, if it became current."""
        found = self.place(context).find(operation_id)
        if found is None:
            return None
        store = Store(context.state / "objects", context.workdir)
        table = store.get(found.version["digest"], SUFFIXES[TableType])
        return None if table is None else _applied(found, table, operation_id, context)

    def apply(
        self,
        operation: Publish,
        inputs: Mapping[str, Artifact],
        operation_id: str,
        context: TaskContext,
    ) -> Applied:
        """Make the table the current version.

        Raises:
            StackcError: A blocking rule is broken (E706), and the version before
                stays current; or the place does not do its part.
        """
        place, name, table = self.place(context), operation.name, inputs["table"]
        verdict = blocking(inputs)
        if verdict is not None:
            raise rejected(name, verdict, place.set_aside(name, table, verdict, operation_id))
        found = place.current(name)
        if found is None or found.version["digest"] != table.digest:
            found = place.publish(name, table, operation_id, found)
        return _applied(found, table.path, operation_id, context)

    def delete(
        self, attributes: Mapping[str, Json], operation_id: str, context: TaskContext
    ) -> None:
        """Remove the name with all its versions."""
        self.place(context).remove(attributes["name"], operation_id)


def version_of(name: str, number: int, table: Artifact) -> Version:
    """What users see of a table that becomes a version now."""
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


def _applied(found: Published, table: Path, operation_id: str, context: TaskContext) -> Applied:
    path = context.workdir / "version.json"
    version = found.version
    path.write_bytes(canonical(version))
    event = EventDraft(
        type="data.published",
        subject=context.address,
        message=f"{version['name']} version {version['number']}: {version['rows']} rows",
        data={"version": version["number"], "rows": version["rows"]},
    )
    summary = {"version": version["number"], "rows": version["rows"]}
    events = (event,) if found.operation == operation_id else ()
    outcome = Outcome({"table": table, "version": path}, summary, events)
    return Applied(found.attributes, outcome)
