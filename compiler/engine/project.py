"""A project on disk: the folder ``.stackc`` beside the spec, opened as one."""

from __future__ import annotations

import json
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from msgspec import Struct
from msgspec.structs import replace

from compiler.backend import ENVIRONMENTS, Json
from compiler.codes import Code
from compiler.diagnostics import fail
from compiler.engine import durable, rows
from compiler.engine.locking import WriterLock
from compiler.engine.secrets import Secrets
from compiler.engine.state import State
from compiler.engine.store import Store
from compiler.engine.workers import Limits, Workers

FOLDER = ".stackc"


class Project(Struct, dict=True):
    """Everything the engine works on; use it in a ``with`` statement.

    Attributes:
        root: The spec's folder.
        folder: ``.stackc`` in it, or an environment's folder in that.
        environment: The environment of the spec, where one was chosen.
        writable: Whether the writer's lock is held.
    """

    root: Path
    folder: Path
    environment: str | None
    writable: bool
    state: State
    store: Store
    secrets: Secrets
    workers: Workers
    _closing: ExitStack

    @property
    def scratch(self) -> Path:
        """Where tasks work; on the store's file system, so outputs are moved and not copied."""
        return self.folder / "tmp"

    def document(self, address: str, output: str) -> Json | None:
        """A JSON document that a node made; None when there is none (any more)."""
        path = self.artifact(address, output)
        return None if path is None else json.loads(path.read_bytes())

    def artifact(self, address: str, output: str) -> Path | None:
        """The verified file of one output of an applied node; None when there is none."""
        row = rows.nodes(self.state).get(address)
        stored = row.outputs.get(output) if row is not None else None
        return None if stored is None else self.store.get(stored.digest, stored.suffix)

    def nodes(self) -> dict[str, rows.NodeRow]:
        """Every applied node by address."""
        return rows.nodes(self.state)

    def runs(self, limit: int | None = None) -> tuple[rows.RunRow, ...]:
        """The runs, newest first; one left open that no living process works on was interrupted."""
        found = rows.runs(self.state, limit)
        if self.writable or WriterLock(self.folder / "lock").at_work():
            return found
        return tuple(
            replace(run, status="interrupted") if run.status == "running" else run for run in found
        )

    def close(self) -> None:
        """End workers, close the state, let go of the lock."""
        self._closing.close()

    def __enter__(self) -> Project:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_project(
    root: Path,
    *,
    write: bool,
    environment: str | None = None,
    limits: Limits | None = None,
    wait: bool = False,
) -> Project:
    """Open the project of the spec in ``root``; looking makes no file.

    Each ``environment`` has a state of its own. ``wait`` for another writer to
    end, instead of failing.

    Raises:
        StackcError: E601 newer state, E602 damaged state, E603 locked by another
            writer, E607 folder not usable, E712 disk full.
    """
    root = root.resolve()
    if not root.is_dir():
        raise fail(
            Code.PROJECT_FOLDER,
            f"there is no folder `{root}`",
            help="name a spec that exists: what is applied is kept beside it",
        )
    folder = state_folder(root, environment)
    with ExitStack() as closing:
        if write:
            durable.make_folder(folder)
            closing.enter_context(WriterLock(folder / "lock", wait=wait))
            state = State.open(folder / "state.db")
            scratch = folder / "tmp"
        else:
            state = State.read(folder / "state.db")
            scratch = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="stackc-")))
        closing.callback(state.close)
        store = Store(folder / "objects", scratch)
        store.stamps = rows.stamps(state)
        secrets = Secrets(root)
        workers = Workers(limits or Limits.of_machine(), folder / "logs", secrets)
        closing.callback(workers.close)
        return Project(
            root, folder, environment, write, state, store, secrets, workers, closing.pop_all()
        )


def state_folder(root: Path, environment: str | None) -> Path:
    """Where all that was applied of a spec, in an environment of it, is kept."""
    folder = root / FOLDER
    return folder if environment is None else folder / ENVIRONMENTS / environment


def require_applied(project: Project) -> None:
    """E606 where nothing was ever applied: there is nothing to show."""
    if not rows.runs(project.state, 1):
        raise fail(
            Code.NOTHING_APPLIED,
            "nothing has been applied here yet",
            help="run `stackc apply` on the spec first",
        )
