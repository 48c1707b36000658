"""What a compile leaves for the next run of the program: a file in the user's cache folder.

It is no part of a project: whoever sends one along cannot make a compile
believe it, and losing it costs a moment. A file that is damaged, or that
another program wrote, is none.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Mapping
from functools import cache
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import Any

from msgspec import MsgspecError, Raw, Struct, field
from msgspec.structs import astuple

import compiler
from compiler.analyse.memory import Memory, Record
from compiler.analyse.scope import ModelInfo, TableInfo
from compiler.graph.node import Ref
from compiler.graph.wire import Packed, Packing, Unpacking, packed, unpacked
from compiler.load.chunks import Chunks

LEAST = 100
"""Blocks below which a compile takes hardly longer than starting the program."""
KEPT_DAYS = 30
"""How long the file of a spec that nobody compiles any more is kept."""
_DIGEST = 20
_DAMAGED = (MsgspecError, KeyError, IndexError, TypeError, ValueError)


class _Table(Struct, frozen=True, array_like=True):
    """What is known of a table, its type a number as in a packed node."""

    type: int
    published: Ref
    parts: dict[str, Ref]
    profile: Ref | None


class _Model(Struct, frozen=True, array_like=True):
    """What is known of a model, its type a number."""

    type: int
    registered: Ref
    dataset: str
    threshold: float
    part: Ref


class _Block(Struct, frozen=True, array_like=True):
    """A record as it is written."""

    nodes: tuple[Packed, ...]
    table: _Table | None
    model: _Model | None
    keys: tuple[str, ...]


class _File(Struct, frozen=True, array_like=True):
    """A whole file: who wrote it, its types, records by key, and what queries and texts say."""

    program: str
    types: list[tuple[str, Raw]]
    blocks: dict[str, Raw]
    reads: dict[str, tuple[str, ...]]
    chunks: dict[str, bytes]


class FileMemory(Memory):
    """The memory of one spec for one compile."""

    path: Path | None = None
    blocks: dict[str, Raw] = field(default_factory=dict)
    unpacking: Unpacking = field(default_factory=lambda: Unpacking(()))

    @classmethod
    def of(cls, spec: Path, environment: str | None) -> FileMemory:
        """Of a spec in an environment."""
        folder = _folder()
        name = blake2b(f"{spec.resolve()}\0{environment}".encode(), digest_size=16).hexdigest()
        return cls(path=folder and folder / f"{name}.compiled")

    def begin(self) -> Chunks:
        """What is known of texts, for a compile that begins."""
        self._read()
        return self.chunks

    def recall(self, key: str) -> Record | None:
        """The record of a block; None where it has to be analysed."""
        found = self.blocks.get(key)
        try:
            return None if found is None else self._record(unpacked(found, _Block))
        except _DAMAGED:
            return None

    def keep(
        self,
        records: Mapping[str, Record],
        reads: Mapping[str, tuple[str, ...]],
        keys: Mapping[str, str],
    ) -> None:
        """Write these and nothing else, unless the file has just them, or they are few."""
        known, used = self.chunks.known.keys(), self.chunks.used.keys()
        same = records.keys() == self.blocks.keys() and known == used
        if self.path is None or len(records) < LEAST or same:
            return
        content = self._written(records, reads, keys)
        if content is not None:
            with contextlib.suppress(OSError):
                _replace(self.path, content)
                _tidy(self.path.parent)

    def _read(self) -> None:
        if self.path is None:
            return
        with contextlib.suppress(OSError, *_DAMAGED):
            content = memoryview(self.path.read_bytes())
            if blake2b(content[_DIGEST:], digest_size=_DIGEST).digest() == content[:_DIGEST]:
                found = unpacked(Raw(content[_DIGEST:]), _File)
                if found.program == _program():
                    self.unpacking = Unpacking.of(found.types)
                    self.blocks, self.reads = found.blocks, found.reads
                    self.chunks = Chunks(found.chunks)

    def _written(
        self,
        records: Mapping[str, Record],
        reads: Mapping[str, tuple[str, ...]],
        keys: Mapping[str, str],
    ) -> bytes | None:
        """The file's content; None where a part of it cannot be written."""
        types = self.unpacking.types
        # Types of former records stay, until they are most of the table.
        again = len(types) <= 2 * len(records)
        packing = Packing({type_: at for at, type_ in enumerate(types)} if again else {})
        known = self.blocks if again else {}
        try:
            blocks = {
                key: known.get(key) or Raw(packed(_block(record.keyed(keys), packing)))
                for key, record in records.items()
            }
            body = packed(_File(_program(), packing.types(), blocks, dict(reads), self.chunks.used))
        except (TypeError, ValueError, OverflowError):
            return None
        return blake2b(body, digest_size=_DIGEST).digest() + body

    def _record(self, found: _Block) -> Record:
        types = self.unpacking.types
        nodes = tuple([self.unpacking.node(node) for node in found.nodes])
        table, model = found.table, found.model
        return Record(
            nodes,
            TableInfo(types[table.type], *_behind(table)) if table else None,  # type: ignore[arg-type]
            ModelInfo(types[model.type], *_behind(model)) if model else None,  # type: ignore[arg-type]
            found.keys,
        )


def _block(record: Record, packing: Packing) -> _Block:
    table, model = record.table, record.model
    return _Block(
        tuple([packing.node(node) for node in record.nodes]),
        _Table(packing.number(table.type), *_behind(table)) if table else None,
        _Model(packing.number(model.type), *_behind(model)) if model else None,
        record.keys,
    )


def _behind(entry: Struct) -> tuple[Any, ...]:
    """All of an entry but its type."""
    return astuple(entry)[1:]


def _folder() -> Path | None:
    """Where the user's programs keep what they can do without; None where there is no home."""
    with contextlib.suppress(RuntimeError):
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stackc"
    return None


@cache
def _program() -> str:
    """The program that reads and writes: its version, and when its files were written.

    The latter because whoever works on it, or on a backend of theirs, has the
    same version before and after a change.
    """
    root = Path(compiler.__file__).parent.parent
    rooms = ("compiler", "specs", "backends")
    files = [path.stat() for room in rooms for path in (root / room).rglob("*.py")]
    newest = max((file.st_mtime_ns for file in files), default=0)
    return f"{version('stackc')} {len(files)} {newest}"


def _replace(path: Path, content: bytes) -> None:
    """Put a file in its place as a whole; it may be lost, so the disk is not waited for."""
    path.parent.mkdir(0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def _tidy(folder: Path) -> None:
    """Remove the files of specs that nobody has compiled for long."""
    oldest = time.time() - KEPT_DAYS * 86_400
    for path in folder.iterdir():
        if path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)
