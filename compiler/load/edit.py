"""Changes single values of a YAML text, and leaves every other character as it is."""

from __future__ import annotations

import re
from typing import Any

from compiler.load.parse import parse
from compiler.load.render import rendered
from compiler.load.text import Text
from compiler.load.tree import Leaf, tree_of

Path = tuple[str | int, ...]
_INDENTED = re.compile(r"^( +)\S", re.MULTILINE)


class EditError(Exception):
    """A value that cannot be changed where it stands; the message says why."""


class Editor:
    """A text that is changed value by value; ``content`` is what it has become.

    The text is parsed anew after each change: a spec has few of them, and no
    offset can go stale.
    """

    def __init__(self, content: str) -> None:
        self.content = content
        self._break = "\r\n" if re.search(r"\r\n", content.split("\n", 1)[0] + "\n") else "\n"
        steps = [len(found) for found in _INDENTED.findall(content)]
        self._step = min(steps, default=2)

    def set(self, path: Path, value: Any, *, exact: bool = False) -> None:
        """Give the value at a path another one; what is not there is added.

        A mapping is merged into the one that is there, unless it is to be
        ``exact``; of a list, items that are the same stay untouched.

        Raises:
            EditError: Something on the way is an alias, or is no mapping.
        """
        leaf, key, rest = self._walk(path)
        if rest:
            for part in reversed(rest[1:]):
                value = {part: value}
            self._add(leaf, key, str(rest[0]), value)
            return
        old = self._value(path)
        if same(old, value) and not (leaf.kind == "alias" and isinstance(value, dict)):
            return
        if isinstance(value, dict) and leaf.kind == "mapping" and value and old:
            self._set_mapping(path, old, value, exact)
        elif isinstance(value, list) and leaf.kind == "list" and value and old:
            self._set_list(path, old, value)
        else:
            self._replace(leaf, key, value)

    def value(self, path: Path) -> Any:
        """The value at a path; None where there is none."""
        value = parse(Text("spec", self.content))
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        return value

    def delete(self, path: Path) -> None:
        """Take the entry at a path away.

        Raises:
            EditError: It is not in this text, or stands behind an alias.
        """
        leaf, key, rest = self._walk(path)
        if rest or not path:
            raise EditError(f"`{_dotted(path)}` is not written in the spec")
        box, box_key, _ = self._walk(path[:-1])
        if len(box.entries) == 1:
            self._replace(box, box_key, {} if box.kind == "mapping" else [])
        elif box.flow:
            self._cut_flow(box, leaf)
        else:
            self._cut_block(box, key, leaf)

    def delete_twin(self, offset: int) -> bool:
        """Take away the entry that begins at an offset, if one before it is written alike.

        Raises:
            EditError: It shares its line with another one.
        """
        box, entry = _entry_at(tree_of(self.content), offset) or (None, None)
        if box is None or entry is None:
            return False
        before = box.entries[: next(n for n, e in enumerate(box.entries) if e is entry)]
        twin = any(self._written(other) == self._written(entry) for other in before)
        if twin and box.flow:
            self._cut_flow(box, entry[1])
        elif twin:
            self._cut_block(box, *entry)
        return twin

    def _written(self, entry: tuple[Leaf | None, Leaf]) -> str:
        return " ".join(self.content[_begin(entry) : entry[1].end].split())

    def set_after(self, path: Path, value: Any, after: str) -> None:
        """Add a top-level entry behind another one where it is not there yet."""
        root = tree_of(self.content)
        found = root.child(after)
        if root.child(path[0]) is not None or found is None or root.flow:
            self.set(path, value)
        else:
            self._lines_behind(found[1].end, self._block(str(path[0]), value, 0))

    def _walk(self, path: Path) -> tuple[Leaf, Leaf | None, Path]:
        """The last leaf on the way, its key, and what of the path is not there."""
        leaf, key = tree_of(self.content), None
        for at, part in enumerate(path):
            if leaf.kind == "alias":
                raise EditError(f"`{_dotted(path[:at])}` stands behind a YAML alias")
            found = leaf.child(part)
            if found is None:
                empty = leaf.kind == "scalar" and self._value(path[:at]) is None
                if leaf.kind != "mapping" and not empty:
                    raise EditError(f"`{_dotted(path[:at])}` is no mapping in the spec")
                return leaf, key, path[at:]
            key, leaf = found
        return leaf, key, ()

    def _value(self, path: Path) -> Any:
        value = parse(Text("spec", self.content))
        for part in path:
            value = value[int(part)] if isinstance(value, list) else value[str(part)]
        return value

    def _set_mapping(self, path: Path, old: Any, value: dict[str, Any], exact: bool) -> None:
        for name, inner in value.items():
            self.set((*path, name), inner, exact=exact)
        for name in old if exact else ():
            if name not in value:
                self.delete((*path, name))

    def _set_list(self, path: Path, old: list[Any], value: list[Any]) -> None:
        for at, item in enumerate(value[: len(old)]):
            self.set((*path, at), item, exact=True)
        for at in range(len(old) - 1, len(value) - 1, -1):
            self.delete((*path, at))
        for item in value[len(old) :]:
            self._append(self._walk(path)[0], item)

    def _replace(self, leaf: Leaf, key: Leaf | None, value: Any) -> None:
        style = leaf.style if leaf.kind == "scalar" else None
        inline = rendered(value, flow=leaf.flow and leaf.kind in ("scalar", "alias"), style=style)
        start, behind = leaf.start, ""
        if key is not None and leaf.block and not leaf.anchored:
            # The value moves up to its key's line, before a comment that stands there.
            start = self.content.index(":", key.end) + 1
            line_end = self._line_end(start)
            behind = self.content[start:line_end].rstrip() if line_end < leaf.start else ""
        if start == leaf.end or start != leaf.start:
            inline = f" {inline}"
        self.content = self.content[:start] + inline + behind + self.content[leaf.end :]

    def _add(self, leaf: Leaf, key: Leaf | None, name: str, value: Any) -> None:
        if leaf.kind == "scalar":
            self._fill(leaf, key, name, value)
        elif leaf.flow:
            entry = f"{rendered(name, flow=True)}: {rendered(value, flow=True)}"
            self._append_flow(leaf, entry)
        else:
            indent = self._column(leaf.start)
            self._lines_behind(leaf.end, self._block(name, value, indent))

    def _fill(self, leaf: Leaf, key: Leaf | None, name: str, value: Any) -> None:
        """Put the first entry into a mapping that was left empty."""
        if key is None or leaf.flow or leaf.start != leaf.end:
            self._replace(leaf, key, {name: value})
            return
        indent = self._column(key.start) + self._step
        self._lines_behind(leaf.end, self._block(name, value, indent))

    def _append(self, leaf: Leaf, item: Any) -> None:
        if leaf.flow:
            self._append_flow(leaf, rendered(item, flow=True))
        else:
            indent = self._column(leaf.start)
            self._lines_behind(leaf.end, [f"{' ' * indent}- {rendered(item)}"])

    def _append_flow(self, leaf: Leaf, entry: str) -> None:
        if leaf.entries:
            at = leaf.entries[-1][1].end
            self.content = f"{self.content[:at]}, {entry}{self.content[at:]}"
        else:
            brackets = "{}" if leaf.kind == "mapping" else "[]"
            made = f"{brackets[0]}{entry}{brackets[1]}"
            self.content = self.content[: leaf.start] + made + self.content[leaf.end :]

    def _block(self, name: str, value: Any, indent: int) -> list[str]:
        """The lines of an entry; mappings are written by indentation."""
        head = f"{' ' * indent}{rendered(name)}:"
        if not isinstance(value, dict) or not value:
            return [f"{head} {rendered(value)}"]
        lines = [head]
        for inner, item in value.items():
            lines += self._block(str(inner), item, indent + self._step)
        return lines

    def _lines_behind(self, offset: int, lines: list[str]) -> None:
        """Add lines behind the one in which an offset stands."""
        at = self._line_end(offset)
        added = "".join(self._break + line for line in lines)
        self.content = self.content[:at] + added + self.content[at:]

    def _cut_flow(self, box: Leaf, leaf: Leaf) -> None:
        at = next(n for n, (_, value) in enumerate(box.entries) if value.start == leaf.start)
        if at + 1 < len(box.entries):
            start, end = _begin(box.entries[at]), _begin(box.entries[at + 1])
        else:
            start, end = box.entries[at - 1][1].end, leaf.end
        self.content = self.content[:start] + self.content[end:]

    def _cut_block(self, box: Leaf, key: Leaf | None, leaf: Leaf) -> None:
        begin = key.start if key is not None else self.content.rindex("-", 0, leaf.start)
        line = self.content.rfind("\n", 0, begin) + 1
        if self.content[line:begin].strip():
            # It shares its line with the dash of an item: what comes next moves there.
            after = [_begin(entry) for entry in box.entries if _begin(entry) > begin]
            if key is None or not after:
                raise EditError("this item shares its line with another one")
            self.content = self.content[:begin] + self.content[after[0] :]
            return
        end = self.content.find("\n", leaf.end) + 1
        if end == 0:
            line, end = max(line - len(self._break), 0), len(self.content)
        elif self.content[:line].endswith(self._break * 2):
            # Between two blank lines: one of them is enough.
            end += len(self._break) * self.content.startswith(self._break, end)
        self.content = self.content[:line] + self.content[end:]

    def _line_end(self, offset: int) -> int:
        end = self.content.find("\n", offset)
        end = len(self.content) if end < 0 else end
        return end - int(self.content[end - 1 : end] == "\r")

    def _column(self, offset: int) -> int:
        return offset - self.content.rfind("\n", 0, offset) - 1


def _begin(entry: tuple[Leaf | None, Leaf]) -> int:
    return (entry[0] or entry[1]).start


def _entry_at(leaf: Leaf, offset: int) -> tuple[Leaf, tuple[Leaf | None, Leaf]] | None:
    """The entry that begins at an offset, and the mapping or list that it stands in."""
    for entry in leaf.entries:
        if _begin(entry) == offset:
            return leaf, entry
        if entry[1].start <= offset < entry[1].end:
            return _entry_at(entry[1], offset)
    return None


def same(old: Any, new: Any) -> bool:
    """Equal, and of the same type all through: 1 is not 1.0, and not true."""
    if type(old) is not type(new):
        return False
    if isinstance(old, dict):
        return old.keys() == new.keys() and all(same(old[key], new[key]) for key in old)
    if isinstance(old, list):
        return len(old) == len(new) and all(map(same, old, new))
    # NaN is not equal to itself, and is what it was.
    return bool(old == new) or (old != old and new != new)


def _dotted(path: Path) -> str:
    return ".".join(map(str, path))
