"""The state: one SQLite file that says what was last applied, and its history."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from compiler.codes import Code
from compiler.diagnostics import StackcError, fail
from compiler.engine import durable

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
        """CREATE TABLE nodes (
            address TEXT PRIMARY KEY, key TEXT NOT NULL, kind TEXT NOT NULL,
            operation TEXT NOT NULL, version INTEGER NOT NULL, parameters TEXT NOT NULL,
            inputs TEXT NOT NULL, input_keys TEXT NOT NULL, observed TEXT,
            outputs TEXT NOT NULL, summary TEXT NOT NULL, attributes TEXT,
            capability TEXT NOT NULL, category TEXT NOT NULL,
            backend TEXT NOT NULL, settings TEXT NOT NULL,
            run TEXT NOT NULL, seconds REAL NOT NULL, finished TEXT NOT NULL) STRICT""",
        """CREATE TABLE results (
            key TEXT PRIMARY KEY, outputs TEXT NOT NULL, summary TEXT NOT NULL,
            seconds REAL NOT NULL, made INTEGER NOT NULL, used INTEGER NOT NULL) STRICT""",
        """CREATE TABLE runs (
            number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, command TEXT NOT NULL,
            stack TEXT NOT NULL, graph TEXT NOT NULL, began TEXT NOT NULL, ended TEXT,
            status TEXT NOT NULL, counts TEXT NOT NULL, messages TEXT NOT NULL) STRICT""",
        """CREATE TABLE journal (
            sequence INTEGER PRIMARY KEY, operation_id TEXT NOT NULL, run TEXT NOT NULL,
            address TEXT NOT NULL, action TEXT NOT NULL, key TEXT NOT NULL,
            kind TEXT NOT NULL, intent TEXT NOT NULL, began TEXT NOT NULL,
            ended TEXT, status TEXT NOT NULL, open INTEGER NOT NULL,
            detail TEXT NOT NULL) STRICT""",
        "CREATE INDEX journal_open ON journal (open, address)",
        "CREATE INDEX journal_run ON journal (run)",
        """CREATE TABLE events (
            sequence INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, type TEXT NOT NULL,
            subject TEXT NOT NULL, run TEXT NOT NULL, time TEXT NOT NULL,
            body TEXT NOT NULL) STRICT""",
        """CREATE TABLE deliveries (
            event TEXT NOT NULL, channel TEXT NOT NULL, status TEXT NOT NULL,
            attempts INTEGER NOT NULL, error TEXT NOT NULL,
            PRIMARY KEY (event, channel)) STRICT""",
        """CREATE TABLE stamps (
            digest TEXT PRIMARY KEY, mtime INTEGER NOT NULL, size INTEGER NOT NULL,
            inode INTEGER NOT NULL) STRICT""",
    ),
    (
        """CREATE TABLE sweeps (
            number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, stack TEXT NOT NULL,
            overrides TEXT NOT NULL, config_dirs TEXT NOT NULL, began TEXT NOT NULL,
            ended TEXT, status TEXT NOT NULL, run TEXT NOT NULL) STRICT""",
        """CREATE TABLE points (
            sweep INTEGER NOT NULL, number INTEGER NOT NULL, overrides TEXT NOT NULL,
            choices TEXT NOT NULL, status TEXT NOT NULL, metrics TEXT NOT NULL,
            gates TEXT NOT NULL, reason TEXT NOT NULL, keys TEXT NOT NULL,
            seconds REAL NOT NULL, PRIMARY KEY (sweep, number)) STRICT""",
    ),
)
"""What brings the state from each version to the next; the number of entries is the version."""


def damaged(path: Path, why: object) -> StackcError:
    """E602 with the way out that the folder offers."""
    backup = path.with_name("state.backup.db")
    way = (
        f"move `{path.name}*` away and rename `{backup.name}` to `{path.name}`: it is the state"
        " after the last finished run; later results are found again or made again"
        if backup.exists()
        else f"put `{path.name}` back from a copy, or move the whole `.stackc` folder away:"
        " everything is made again"
    )
    return fail(Code.STATE_DAMAGED, f"the state `{path}` is damaged: {why}", help=way)


def translated(error: sqlite3.Error, path: Path) -> StackcError:
    """What SQLite says, as a diagnostic."""
    text = str(error)
    if "disk is full" in text:
        return durable.write_error(OSError(28, text), path)
    if isinstance(error, sqlite3.OperationalError) and not text.startswith("no such"):
        return fail(
            Code.PROJECT_FOLDER,
            f"cannot use the state `{path}`: {text}",
            help="the folder `.stackc` beside the spec must be readable and writable",
        )
    return damaged(path, text)


class State:
    """An open state file; one connection, used by the thread that opened it."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self.path = path

    @classmethod
    def open(cls, path: Path) -> State:
        """Open for writing under the writer's lock; made when there is none, migrated when older.

        Raises:
            StackcError: E601 newer than this program, E602 damaged, E607 not writable,
                E712 disk full.
        """
        durable.make_folder(path.parent)
        _refuse_emptied(path)
        state = cls(_connect(path, str(path)), path)
        with state.closing_on_error():
            state.execute("PRAGMA journal_mode=WAL")
            state.execute("PRAGMA synchronous=FULL")
            state._check()
            state._migrate()
        return state

    @classmethod
    def read(cls, path: Path) -> State:
        """Open to look only; a project that was never applied looks empty.

        Raises:
            StackcError: E601, E602 as for writing.
        """
        _refuse_emptied(path)
        if not path.exists() or not path.stat().st_size:
            state = cls(_connect(path, ":memory:"), path)
            state._migrate(lineage="")
            return state
        state = cls(_connect(path, str(path)), path)
        with state.closing_on_error():
            state._check()
            if state.version < len(MIGRATIONS):
                return state._upgraded_copy()
            state.execute("PRAGMA query_only=ON")
        return state

    @property
    def version(self) -> int:
        """The schema's version; 0 for a file without a schema."""
        return int(self.execute("PRAGMA user_version")[0][0])

    @property
    def lineage(self) -> str:
        """Which history this is; empty before anything was applied."""
        return self.meta("lineage")

    @property
    def serial(self) -> int:
        """How many times what was applied has changed."""
        with self.whole():
            return int(self.meta("serial"))

    def meta(self, name: str) -> str:
        """One fact about the state itself."""
        found = self.execute("SELECT value FROM meta WHERE name = ?", name)
        if not found:
            raise damaged(self.path, f"it does not say its {name}")
        return str(found[0][0])

    def execute(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run one statement and fetch what it yields.

        Raises:
            StackcError: E602, E607 or E712 for what SQLite refuses.
        """
        try:
            return self._connection.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise translated(error, self.path) from error

    @contextmanager
    def transaction(self, *, changes: bool = True) -> Iterator[None]:
        """All or nothing, durable at the end; ``changes`` raises the serial.

        Raises:
            StackcError: E712 when the disk is full; nothing is changed then.
        """
        with durable.guarded(self.path):
            durable.point("commit.begin")
            self.execute("BEGIN IMMEDIATE")
            try:
                yield
                if changes:
                    self.execute(
                        "UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE name = 'serial'"
                    )
                durable.point("commit.ready")
                self.execute("COMMIT")
            except BaseException:
                self._rollback()
                raise
            durable.point("commit.done")

    @contextmanager
    def whole(self) -> Iterator[None]:
        """What is read from a sound file and makes no sense all the same is damage: E602."""
        try:
            yield
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise damaged(self.path, f"{type(error).__name__}: {error}") from error

    def backup(self, target: Path) -> None:
        """A whole copy beside the state: the way out when the state is damaged."""
        copy = target.with_name(target.name + ".part")
        copy.unlink(missing_ok=True)
        self.execute("VACUUM INTO ?", str(copy))
        durable.place(copy, target)
        target.chmod(0o644)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    @contextmanager
    def closing_on_error(self) -> Iterator[None]:
        """Close the file when what follows fails."""
        try:
            yield
        except BaseException:
            self.close()
            raise

    def _rollback(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _check(self) -> None:
        version = self.version
        if version > len(MIGRATIONS):
            raise fail(
                Code.STATE_NEWER,
                f"the state `{self.path}` has version {version};"
                f" this stackc knows versions up to {len(MIGRATIONS)}",
                help="upgrade stackc: `pip install --upgrade stackc`",
            )
        found = self.execute("PRAGMA quick_check(1)")[0][0]
        if found != "ok":
            raise damaged(self.path, found)

    def _migrate(self, lineage: str | None = None) -> None:
        version = self.version
        if version == len(MIGRATIONS):
            return
        with self.transaction(changes=False):
            for statements in MIGRATIONS[version:]:
                for statement in statements:
                    self.execute(statement)
            if version == 0:
                name = uuid4().hex if lineage is None else lineage
                self.execute("INSERT INTO meta VALUES ('lineage', ?), ('serial', '0')", name)
            self.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")

    def _upgraded_copy(self) -> State:
        """An older state as this version sees it, in memory: looking changes no file."""
        copy = State(_connect(self.path, ":memory:"), self.path)
        self._connection.backup(copy._connection)
        self.close()
        copy._migrate()
        return copy


def _connect(path: Path, target: str) -> sqlite3.Connection:
    try:
        return sqlite3.connect(target, isolation_level=None, timeout=10)
    except sqlite3.Error as error:
        raise translated(error, path) from error


_SMALLEST_PAGE = 512


def _refuse_emptied(path: Path) -> None:
    """Refuse a file that SQLite would take for a new database and that is none.

    SQLite reads whatever is shorter than its smallest page as empty. An empty
    or missing state is a fresh one only where no run has ever finished.
    """
    size = path.stat().st_size if path.exists() else None
    if size and size < _SMALLEST_PAGE:
        raise damaged(path, "the file is too short to be one")
    if not size and path.with_name("state.backup.db").exists():
        raise damaged(path, "the file is gone" if size is None else "the file is empty")
