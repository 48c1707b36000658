"""Where each value of a YAML text stands; made only when a finding or `explain` asks."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any

import yaml

from compiler.load.align import Alignment
from compiler.load.text import Text
from compiler.source import Span

Path = tuple[str | int, ...]
_ANCHOR = re.compile(r"&\S+\s+")


class Marks:
    """The places of a text that was parsed before: its bounds are known to hold."""

    def __init__(self, text: Text) -> None:
        self.text = text
        self._entries: dict[int, dict[str, tuple[yaml.Node, yaml.Node]]] = {}
        self._aligned: dict[int, tuple[int, Alignment]] = {}

    @cached_property
    def _root(self) -> yaml.Node | None:
        node: yaml.Node | None = yaml.compose(self.text.content, Loader=yaml.CSafeLoader)
        return node

    def has(self, path: Path) -> bool:
        """Whether the text holds a value at this path."""
        return self._walk(path) is not None

    def span(self, path: Path, *, key: bool = False) -> Span | None:
        """The span of the value at a path, or of its key; None where there is none.

        A mapping, list or block text that goes over several lines is shown by
        its key: carets under a hundred lines help nobody.
        """
        found = self._walk(path)
        if found is None:
            return None
        key_node, value = found
        one_line = value.start_mark.line == value.end_mark.line
        if key_node is not None and (key or not one_line or not _width(value)):
            return self._node_span(key_node)
        return self._node_span(value)

    def within(self, path: Path, offset: int, length: int) -> Span | None:
        """The span of a stretch of the text value at a path; None where it is no text."""
        found = self._walk(path)
        if found is None or not isinstance(found[1], yaml.ScalarNode):
            return None
        base, alignment = self._alignment(found[1])
        start, end = alignment.stretch(offset, length)
        return self.text.span(base + start, base + end)

    def _alignment(self, node: yaml.ScalarNode) -> tuple[int, Alignment]:
        """Where a scalar begins, and its alignment: a long query is asked about many times."""
        known = self._aligned.get(id(node))
        if known is None:
            base = node.start_mark.index
            anchor = _ANCHOR.match(self.text.content, base)
            base = anchor.end() if anchor else base
            raw = self.text.content[base : node.end_mark.index]
            known = self._aligned[id(node)] = (base, Alignment(raw, node.value, node.style))
        return known

    def value(self, path: Path) -> str | None:
        """The text value at a path as it was written; None for anything else."""
        found = self._walk(path)
        if found is None or not isinstance(found[1], yaml.ScalarNode):
            return None
        return str(found[1].value)

    def _walk(self, path: Path) -> tuple[yaml.Node | None, yaml.Node] | None:
        node, key = self._root, None
        for part in path:
            found = self._child(node, part)
            if found is None:
                return None
            key, node = found
        return None if node is None else (key, node)

    def _child(self, node: Any, part: str | int) -> tuple[yaml.Node | None, yaml.Node] | None:
        if isinstance(node, yaml.MappingNode):
            entries = self._entries.get(id(node))
            if entries is None:
                entries = {key.value: (key, value) for key, value in node.value}
                self._entries[id(node)] = entries
            return entries.get(str(part))
        if isinstance(node, yaml.SequenceNode) and str(part).isdecimal():
            index = int(part)
            return (None, node.value[index]) if index < len(node.value) else None
        return None

    def _node_span(self, node: yaml.Node) -> Span:
        start, end = node.start_mark.index, node.end_mark.index
        return self.text.span(start, min(end, self.text.line_end(start)))


def _width(node: Any) -> int:
    return int(node.end_mark.index - node.start_mark.index)
