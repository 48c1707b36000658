"""Gives a file of the user's another text, and nothing else of it changes."""

from __future__ import annotations

from codecs import BOM_UTF8
from pathlib import Path

from compiler.engine import durable


def rewrite(path: Path, before: str, after: str) -> bool:
    """Replace a file's text as one step; its mode stays, and a link to it stays a link.

    A byte order mark is no part of either text, and stays too.

    Returns:
        False when the file has another text than ``before`` by now: it is left alone.

    Raises:
        StackcError: E607 or E712 when it cannot be written.
    """
    target = path.resolve()
    with durable.guarded(target):
        data = target.read_bytes()
    mark = BOM_UTF8 if data.startswith(BOM_UTF8) else b""
    if data.removeprefix(mark) != before.encode():
        return False
    durable.write(target, mark + after.encode(), like=target)
    return True
