"""What stands at an offset of a YAML text that is whole."""

from __future__ import annotations

import yaml
from msgspec import Struct

from compiler.load.align import Alignment
from compiler.load.tree import Leaf, tree_of

Path = tuple[str | int, ...]


class Here(Struct, frozen=True):
    """What stands at an offset.

    Attributes:
        path: The path of the value, or of the key.
        key: Whether the key is meant, and not its value.
        start: Where the key or the value begins; ``end`` where it ends.
        text: The text of the key or scalar; empty for anything else.
        inside: How far the offset is in the text, as far as that can be told.
    """

    path: Path
    key: bool
    start: int
    end: int
    text: str = ""
    inside: int = 0


def here(content: str, offset: int) -> Here | None:
    """The key or scalar at an offset of a whole text.

    Returns:
        None where there is nothing, or where the text is no YAML.
    """
    try:
        leaf = tree_of(content)
    except (yaml.YAMLError, ValueError, RecursionError, StopIteration, RuntimeError):
        return None
    path: Path = ()
    while True:
        found = _entry(leaf, offset)
        if found is None:
            return None
        part, key, value = found
        path = (*path, part)
        if key is not None and key.start <= offset <= key.end:
            return Here(path, True, key.start, key.end, key.text, offset - key.start)
        if value.kind == "scalar":
            return Here(
                path, False, value.start, value.end, value.text, _inside(content, value, offset)
            )
        if value.kind == "alias":
            return Here(path, False, value.start, value.end)
        leaf = value


def key_at(content: str, path: Path) -> tuple[int, int] | None:
    """Where the key at a path stands in a whole text; of a list's entry, where the value does."""
    try:
        leaf, key = tree_of(content), None
    except (yaml.YAMLError, ValueError, RecursionError, StopIteration, RuntimeError):
        return None
    for part in path:
        found = leaf.child(part)
        if found is None:
            return None
        key, leaf = found
    return ((key or leaf).start, (key or leaf).end) if path else None


def _entry(leaf: Leaf, offset: int) -> tuple[str | int, Leaf | None, Leaf] | None:
    for at, (key, value) in enumerate(leaf.entries):
        begin = (key or value).start
        if begin <= offset <= max(value.end, key.end if key else 0):
            return (key.text if key is not None else at), key, value
    return None


def _inside(content: str, leaf: Leaf, offset: int) -> int:
    """Which character of the value an offset of the text is."""
    raw = content[leaf.start : leaf.end]
    if leaf.style is None and "\n" not in raw:
        return offset - leaf.start
    aligned = Alignment(raw, leaf.text, leaf.style)
    at = offset - leaf.start
    low, high = 0, len(leaf.text)
    while low < high:
        middle = (low + high) // 2
        if aligned.stretch(middle, 1)[1] <= at:
            low = middle + 1
        else:
            high = middle
    return low
