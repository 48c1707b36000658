"""Published tables on this machine: records under ``.stackc/versions``, the tables in the store."""

from __future__ import annotations

from backends.shelf import Shelf, names
from backends.versioning import staged
from backends.versioning.versions import Place, Published, Versions, version_of
from compiler.backend import Artifact, TaskContext
from compiler.graph.documents import Verdict


class LocalVersions(Versions):
    """Reconciles published tables with the shelves of the project."""

    def place(self, context: TaskContext) -> Place:
        """The project's own folder."""
        return _Shelves(context)


class _Shelves:
    """A shelf of records per name."""

    def __init__(self, context: TaskContext) -> None:
        self._context = context
        self._folder = context.state / "versions"

    def current(self, name: str) -> Published | None:
        """The version that the name's pointer means."""
        return self._shelf(name).current()

    def find(self, operation_id: str) -> Published | None:
        """The version an operation made, if the pointer means it."""
        currents = (self.current(name) for name in names(self._folder))
        return next((c for c in currents if c is not None and c.operation == operation_id), None)

    def publish(
        self,
        name: str,
        table: Artifact,
        operation_id: str,
        before: Published | None,  # noqa: ARG002
    ) -> Published:
        """Write the record, then the pointer."""
        shelf = self._shelf(name)
        made = shelf.by_operation(operation_id)
        if made is None or made.version["digest"] != table.digest:
            made = Published(version_of(name, shelf.next_number(), table), operation_id)
            shelf.write(made)
        shelf.point_at(made.number)
        staged.drop(name, self._context)
        return made

    def set_aside(
        self,
        name: str,
        table: Artifact,
        verdict: Verdict,  # noqa: ARG002
        operation_id: str,  # noqa: ARG002
    ) -> str:
        """Keep it beside the versions."""
        return staged.keep(name, table.path, self._context)

    def remove(self, name: str, operation_id: str) -> None:  # noqa: ARG002
        """Remove the shelf."""
        staged.drop(name, self._context)
        self._shelf(name).clear()

    def _shelf(self, name: str) -> Shelf[Published]:
        return Shelf(self._folder / name, Published)
