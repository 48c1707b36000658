"""Files that a command writes where the user said: whole, or not at all."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

from compiler.codes import Code
from compiler.diagnostics import StackcError, fail
from compiler.source import COMMAND_LINE, Sources, Span


def write_text(path: Path, text: str) -> None:
    """Write a text as `write_bytes` does."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file in one move: a reader sees the old content or the new one.

    Raises:
        StackcError: E607 where the place cannot be written to, E712 without space.
    """
    try:
        _write(path, data)
    except OSError as problem:
        raise cannot_write(path, problem) from problem


def replace_text(path: Path, before: str, after: str) -> None:
    """Give a file of the user's another text; its mode stays, and a link to it stays a link.

    Raises:
        StackcError: E130 when it has another text than ``before`` by now, E607 or
            E712 when it cannot be written.
    """
    from compiler.engine.rewriting import rewrite
    from compiler.load.text import shown

    if not rewrite(path, before, after):
        raise fail(
            Code.FILE_CHANGED,
            f"`{path}` has changed since it was read",
            span=Span.point(shown(path)),
            help="save it everywhere, and run the same command again",
        )


def _write(path: Path, data: bytes) -> None:
    if path.exists() and not path.is_file():  # a pipe or a device: /dev/stdout
        path.write_bytes(data)
        return
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def cannot_write(path: Path, problem: OSError) -> StackcError:
    """The finding for a file that could not be written; it points at the argument."""
    before = "stackc … --out "
    span = Span(COMMAND_LINE, 1, len(before) + 1, 1, len(before) + len(str(path)) + 1)
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        message, way = f"no space is left to write `{path}`", "free some space"
        error = fail(Code.NO_SPACE, message, span=span, help=way)
    else:
        reason = (problem.strerror or type(problem).__name__).lower()
        message = f"`{path}` cannot be written: {reason}"
        way = "name a file in a folder that exists and that you may write to"
        error = fail(Code.PROJECT_FOLDER, message, span=span, help=way)
    error.sources = Sources()
    error.sources.add(COMMAND_LINE, before + str(path))
    return error
