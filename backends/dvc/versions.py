"""Published tables in DVC: in its cache and remote first, then in the ``.dvc`` file, at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backends.dvc import DvcSettings
from backends.dvc.repository import opened
from backends.dvc.tracked import Tracked
from backends.versioning import staged
from backends.versioning.versions import Place, Published, Versions, version_of
from compiler.backend import Artifact, TaskContext
from compiler.codes import Code
from compiler.diagnostics import StackcError, fail
from compiler.graph.documents import Verdict

_SUFFIX = ".parquet"


class DvcVersions(Versions):
    """Reconciles published tables with what DVC tracks."""

    def place(self, context: TaskContext) -> Place:
        """The project's DVC repository."""
        return _Repository(context)


class _Repository:
    """The tables under one folder of a DVC repository."""

    def __init__(self, context: TaskContext) -> None:
        self._context = context
        assert isinstance(context.settings, DvcSettings)
        self._settings = context.settings

    def current(self, name: str) -> Published | None:
        """What the name's ``.dvc`` file says, where workspace and cache say the same."""
        with self._tracked(name) as tracked:
            recorded = tracked.recorded()
            return recorded if recorded is not None and tracked.whole() else None

    def find(self, operation_id: str) -> Published | None:
        """The version an operation made."""
        for name in self._names():
            found = self.current(name)
            if found is not None and found.operation == operation_id:
                return found
        return None

    def publish(
        self,
        name: str,
        table: Artifact,
        operation_id: str,
        before: Published | None,  # noqa: ARG002
    ) -> Published:
        """Cache, remote, ``.dvc`` file, workspace; a version that lacks a part is completed."""
        with self._tracked(name) as tracked, tracked.repo.lock:
            made = tracked.recorded()
            if made is None or made.version["digest"] != table.digest:
                number = made.number + 1 if made is not None else 1
                made = Published(version_of(name, number, table), operation_id)
            md5, size = tracked.keep(table.path, self._settings.remote)
            made = tracked.write(made, md5, size)
            tracked.check_out()
        staged.drop(name, self._context)
        return made

    def set_aside(
        self,
        name: str,
        table: Artifact,
        verdict: Verdict,  # noqa: ARG002
        operation_id: str,  # noqa: ARG002
    ) -> str:
        """Keep it outside of what DVC tracks."""
        return staged.keep(name, table.path, self._context)

    def remove(self, name: str, operation_id: str) -> None:  # noqa: ARG002
        """Remove the table and its ``.dvc`` file."""
        staged.drop(name, self._context)
        with self._tracked(name) as tracked, tracked.repo.lock:
            tracked.remove()

    @contextmanager
    def _tracked(self, name: str) -> Iterator[Tracked]:
        with opened(self._context) as repo:
            yield Tracked(repo, self._folder(repo.root_dir) / f"{name}{_SUFFIX}")

    def _names(self) -> list[str]:
        with opened(self._context) as repo:
            files = sorted(self._folder(repo.root_dir).glob(f"*{_SUFFIX}.dvc"))
        return [path.name.removesuffix(f"{_SUFFIX}.dvc") for path in files]

    def _folder(self, root: str) -> Path:
        # Environments of one spec have each their own tables.
        folder = (Path(root) / self._settings.folder / (self._context.environment or "")).resolve()
        if not folder.is_relative_to(Path(root).resolve()):
            raise _outside(self._settings.folder)
        return folder


def _outside(folder: str) -> StackcError:
    return fail(
        Code.PATH_OUTSIDE,
        f"the folder `{folder}` leads out of the DVC repository",
        help="choose one inside with `backends.version.folder=…`",
    )
