"""Content-addressed, read-only files: what steps made, by the digest of what is in them."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeAlias
from uuid import uuid4

from msgspec import Struct

from compiler.engine import durable

Stamp: TypeAlias = tuple[int, int, int]
"""Modification time in ns, size in bytes, inode: equal stamps mean an untouched file."""

_BLOCK = 1 << 20


class Stored(Struct, frozen=True):
    """A file of the store: SHA-256 of its content, size in bytes, suffix with its dot."""

    digest: str
    size: int
    suffix: str


def digest_of(path: Path) -> str:
    """SHA-256 of a file's content, 64 hex digits."""
    summed = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        buffer = bytearray(_BLOCK)
        view = memoryview(buffer)
        while count := file.readinto(buffer):
            summed.update(view[:count])
    return summed.hexdigest()


def _stamp(info: os.stat_result) -> Stamp:
    return (info.st_mtime_ns, info.st_size, info.st_ino)


class Store:
    """The files under ``.stackc/objects``; safe to use from several threads.

    Attributes:
        stamps: The stamp that each digest's file had when it was last verified,
            kept across processes by the state, so that a plan needs no hashing.
    """

    def __init__(self, root: Path, scratch: Path) -> None:
        self.root = root
        self.scratch = scratch
        self.stamps: dict[str, Stamp] = {}
        self.fresh: dict[str, Stamp] = {}
        self._verified: set[tuple[str, Stamp]] = set()

    def path(self, digest: str, suffix: str) -> Path:
        """Where an object lies or would lie."""
        return self.root / digest[:2] / f"{digest[2:]}{suffix}"

    def put(self, source: Path, suffix: str, *, move: bool) -> Stored:
        """Take a file in; a file that lies in the store already is taken as it is.

        ``move`` takes the file away from where it lies; else it is copied.

        Raises:
            StackcError: E712 when the disk is full.
            ValueError: ``source`` is not a plain file.
        """
        if not stat.S_ISREG(source.lstat().st_mode):
            raise ValueError(f"{source.name} is not a plain file")
        if source.is_relative_to(self.root):
            digest = source.parent.name + source.name.removesuffix(source.suffix)
            return Stored(digest, source.stat().st_size, source.suffix)
        draft = source if move else self._copy(source)
        with durable.guarded(source):
            digest = digest_of(draft)
            size = draft.stat().st_size
        target = self.path(digest, suffix)
        if move and self._whole(target, digest):
            draft.unlink()
        else:
            durable.place(draft, target)
        self._remember(digest, _stamp(target.stat()))
        return Stored(digest, size, suffix)

    def get(self, digest: str, suffix: str) -> Path | None:
        """An object's file, its content verified in this process; None when missing or damaged."""
        path = self.path(digest, suffix)
        return path if self._whole(path, digest) else None

    def has(self, digest: str, suffix: str, size: int) -> bool:
        """Whether an object is there and untouched since it was verified; hashes if in doubt."""
        path = self.path(digest, suffix)
        try:
            found = _stamp(path.stat())
        except OSError:
            return False
        if self.stamps.get(digest) == found:
            return True
        return found[1] == size and self._whole(path, digest)

    def damaged(self, digest: str, suffix: str) -> bool:
        """Whether there is a file of that name, whatever is in it."""
        return self.path(digest, suffix).exists()

    def take_fresh(self) -> dict[str, Stamp]:
        """The stamps found since this was last asked, to be kept by the state."""
        found, self.fresh = self.fresh, {}
        return found

    def objects(self) -> Iterator[tuple[str, Path]]:
        """Every file with the digest its name claims."""
        for folder in sorted(self.root.glob("??")):
            for path in sorted(folder.iterdir()):
                yield folder.name + path.name.split(".", 1)[0], path

    def sweep(self, keep: Iterable[str]) -> tuple[int, int]:
        """Remove every object whose digest is not in ``keep``: how many, and their bytes."""
        wanted = set(keep)
        count = size = 0
        for digest, path in list(self.objects()):
            if digest not in wanted:
                size += path.stat().st_size
                count += 1
                durable.remove(path)
        for folder in list(self.root.glob("??")):
            if not any(folder.iterdir()):
                folder.rmdir()
        return count, size

    def _copy(self, source: Path) -> Path:
        durable.make_folder(self.scratch)
        draft = self.scratch / f"{uuid4().hex}.part"
        with durable.guarded(source):
            shutil.copyfile(source, draft)
        return draft

    def _whole(self, path: Path, digest: str) -> bool:
        try:
            before = _stamp(path.stat())
            if (digest, before) in self._verified:
                return True
            if digest_of(path) != digest:
                return False
        except OSError:
            return False
        self._remember(digest, before)
        return True

    def _remember(self, digest: str, stamp: Stamp) -> None:
        self._verified.add((digest, stamp))
        if self.stamps.get(digest) != stamp:
            self.stamps[digest] = stamp
            self.fresh[digest] = stamp
