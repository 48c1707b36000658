"""A YAML text as a tree that keeps every mark: where each key and value begins and really ends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal

import yaml
from msgspec import Struct, field

_ANCHOR = re.compile(r"&\S+\s*")


class Leaf(Struct):
    """A key, a value, a mapping or a list; offsets count characters.

    ``start`` is behind an anchor; ``end`` is behind the last visible character,
    and not behind the comments and blanks that a parser counts to a block.
    ``flow``: written in brackets, or inside of brackets.
    """

    kind: Literal["scalar", "mapping", "list", "alias"]
    start: int
    end: int
    style: str | None = None
    flow: bool = False
    anchored: bool = False
    entries: list[tuple[Leaf | None, Leaf]] = field(default_factory=list)
    text: str = ""

    @property
    def block(self) -> bool:
        """Whether it is a mapping or list that is written by indentation."""
        return self.kind in ("mapping", "list") and not self.flow

    def child(self, part: str | int) -> tuple[Leaf | None, Leaf] | None:
        """The key and the value of an entry; None where there is none."""
        if self.kind == "mapping":
            found = (e for e in self.entries if e[0] is not None and e[0].text == str(part))
            return next(found, None)
        if self.kind == "list" and str(part).isdecimal() and int(part) < len(self.entries):
            return self.entries[int(part)]
        return None


def tree_of(content: str) -> Leaf:
    """The tree of a text that was parsed before: its bounds are known to hold.

    Raises:
        ValueError: The text is empty: a file may have been emptied since it was read.
    """
    events = iter(yaml.parse(content, Loader=yaml.CSafeLoader))
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            return _leaf(content, next(events), events, flow=False)
    raise ValueError("the text holds nothing")


def _leaf(content: str, event: Any, events: Iterator[Any], *, flow: bool) -> Leaf:
    start, end = event.start_mark.index, event.end_mark.index
    if isinstance(event, yaml.AliasEvent):
        return Leaf("alias", start, end, flow=flow)
    anchored = event.anchor is not None
    match = _ANCHOR.match(content, start) if anchored else None
    start = match.end() if match else start
    if isinstance(event, yaml.ScalarEvent):
        end = start + len(content[start:end].rstrip())
        return Leaf("scalar", start, end, event.style, flow, anchored, [], event.value)
    inside = flow or bool(event.flow_style)
    mapping = isinstance(event, yaml.MappingStartEvent)
    made = Leaf("mapping" if mapping else "list", start, end, None, inside, anchored)
    for inner in events:
        if isinstance(inner, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            mark: Any = inner.end_mark
            made.end = mark.index if inside else made.entries[-1][1].end
            return made
        key = _leaf(content, inner, events, flow=inside) if mapping else None
        value = _leaf(content, next(events) if mapping else inner, events, flow=inside)
        if key is not None and value.kind == "scalar" and value.start == value.end:
            value.start = value.end = content.index(":", key.end) + 1
        made.entries.append((key, value))
        if not inside and len(made.entries) == 1:
            first = made.entries[0][0] or value
            made.start = first.start if mapping else content.rindex("-", 0, first.start)
    raise AssertionError("a text that was parsed before ends what it begins")
