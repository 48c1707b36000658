"""The only module that writes durably, and so the one place where faults are injected."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias
from uuid import uuid4

from compiler.codes import Code
from compiler.diagnostics import StackcError, fail

FaultHook: TypeAlias = Callable[[str], None]

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_hooks: list[FaultHook] = []


def point(name: str) -> None:
    """A place where a process may be killed or a disk may be full; tests hook in here."""
    for hook in _hooks:
        hook(name)


@contextmanager
def injected(hook: FaultHook) -> Iterator[None]:
    """Call ``hook`` at every point; it may raise OSError or end the process."""
    _hooks.append(hook)
    try:
        yield
    finally:
        _hooks.remove(hook)


def write_error(error: OSError, path: Path) -> StackcError:
    """What a failed write means to the user: E712 for a full disk, E607 for the rest."""
    if error.errno in _FULL:
        return fail(
            Code.NO_SPACE,
            f"no space left to write `{path.name}`",
            help="make room (`stackc gc` removes what nothing uses), then run the same command"
            " again: what finished is kept",
        )
    return fail(
        Code.PROJECT_FOLDER,
        f"cannot write `{path}`: {error.strerror or error}",
        help="the folder of the spec must be writable: everything is kept in `.stackc` beside it",
    )


@contextmanager
def guarded(path: Path) -> Iterator[None]:
    """Turn what the system says about a write into a diagnostic.

    Raises:
        StackcError: E712 when the disk is full, E607 for every other refusal.
    """
    try:
        yield
    except OSError as error:
        raise write_error(error, path) from error


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file(path: Path) -> None:
    """Make a file's content durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(path: Path) -> Path:
    """A folder that is there and stays there, its parents included."""
    if path.is_dir():
        return path
    with guarded(path):
        point("folder")
        missing = [path, *(p for p in path.parents if not p.exists())]
        path.mkdir(parents=True, exist_ok=True)
        for folder in missing:
            sync_folder(folder.parent)
    return path


def write(path: Path, data: bytes, *, mode: int = 0o644, like: Path | None = None) -> None:
    """Replace a file's content as one step: readers see the old or the new, whole.

    ``like`` is a file whose mode the new one gets, whatever the process's mask is.

    Raises:
        StackcError: E712 when the disk is full, E607 for every other refusal.
    """
    make_folder(path.parent)
    draft = path.with_name(f".{path.name}.{uuid4().hex[:8]}.part")
    with guarded(path):
        try:
            point("write.begin")
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            with os.fdopen(handle, "wb") as file:
                if like is not None:
                    os.fchmod(file.fileno(), stat.S_IMODE(like.stat().st_mode))
                file.write(data)
                point("write.written")
                file.flush()
                os.fsync(file.fileno())
            point("write.synced")
            draft.replace(path)
            point("write.renamed")
            sync_folder(path.parent)
        finally:
            draft.unlink(missing_ok=True)


def place(source: Path, target: Path) -> None:
    """Move a finished file to its durable place, read only, as one step.

    Both lie on one file system. ``target`` is replaced where it exists.
    """
    make_folder(target.parent)
    with guarded(target):
        point("place.begin")
        source.chmod(0o444)
        sync_file(source)
        point("place.synced")
        source.replace(target)
        point("place.renamed")
        sync_folder(target.parent)


def share(source: Path, target: Path) -> None:
    """Give a file's content a second durable place, without copying where the disk can.

    Raises:
        StackcError: E712 when the disk is full, E607 for every other refusal.
    """
    make_folder(target.parent)
    draft = target.with_name(f".{target.name}.part")
    with guarded(draft):
        draft.unlink(missing_ok=True)
        if target.exists() and target.samefile(source):
            # One file under two names: a rename of one to the other would leave both.
            sync_folder(target.parent)
            return
        link(source, draft)
    place(draft, target)


def link(source: Path, target: Path) -> None:
    """The same bytes under another name: a hard link, or a copy where the disk has none."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def append(path: Path, data: bytes) -> None:
    """Add to the end of a file and wait until it is on the disk."""
    make_folder(path.parent)
    with guarded(path):
        point("append.begin")
        with path.open("ab") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())


def remove(path: Path) -> None:
    """Remove a file that may be gone already."""
    with guarded(path):
        point("remove.begin")
        path.unlink(missing_ok=True)
