"""Strict, bounded YAML: a text becomes plain Python values, or located findings.

The values are built from the parser's events in one pass. Events need no
recursion, so depth, size and aliases are judged before anything they would
cost is spent; PyYAML's own composer and constructors are never used on a
text that was not judged.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import yaml
from msgspec import Struct
from msgspec.structs import replace
from yaml.cyaml import CParser  # type: ignore[attr-defined]

from compiler.codes import Code
from compiler.diagnostics import Diagnostic, Label, Once, StackcError
from compiler.load.scalars import plain_scalar
from compiler.load.syntax import syntax_finding
from compiler.load.text import MAX_DEPTH, Text

MAX_NODES = 500_000
MAX_ALIASED = 1_000_000
MAX_FINDINGS = 50
RESERVED = "_target_"
"""The key by which other programs take data for code to call."""
_NO_KEY: Any = object()


class _Stop(Exception):
    """Nothing more can be learned from the text."""


class _Frame(Struct):
    """A mapping or list that is being filled."""

    box: Any
    event: Any
    key: Any
    anchor: str | None
    weight: int

    @property
    def wants_key(self) -> bool:
        return self.key is _NO_KEY and type(self.box) is dict


class _Anchor(Struct):
    """What an alias of this name stands for; ``weight`` is None until it is whole."""

    value: Any
    weight: int | None


class Built(Struct, frozen=True):
    """A text's value, how many values it is made of, and whether it has anchors."""

    value: Any
    nodes: int
    anchored: bool


def parse(text: Text, *, names: bool = False) -> Any:
    """The value of a text: mappings, lists, text, numbers, booleans, None.

    Args:
        text: What was read.
        names: Whether keys are names from outside (a lock's columns), of which
            none is reserved.

    Raises:
        StackcError: E101 (not YAML), E103 (too deep, too many, too large),
            E104 (a key twice), E111 (a feature of YAML that specs do not have).
    """
    return build(text, names=names).value


def build(text: Text, *, names: bool = False, above: int = 0) -> Built:
    """``parse``, with what the text is made of; ``above`` is how deep it stands in another.

    Raises:
        StackcError: As ``parse``.
    """
    builder = _Builder(text, names, above)
    try:
        builder.run()
    except yaml.YAMLError as error:
        builder.findings.append(syntax_finding(text, error))
    except _Stop:
        pass
    if builder.findings:
        builder.label_duplicates()
        raise StackcError(*builder.findings)
    return builder.built


class _Builder:
    """Fills values from events; collects what is wrong and goes on where it can."""

    def __init__(self, text: Text, names: bool, above: int) -> None:
        self.text = text
        self._deepest = MAX_DEPTH - above
        self.value: Any = None
        self._reserved = () if names else (RESERVED,)
        self.findings: list[Diagnostic] = []
        self._stack: list[_Frame] = []
        self._anchors: dict[str, _Anchor] = {}
        self._nodes = 0
        self._weight = 0
        self._aliased = 0
        self._documents = 0
        self._twice: dict[int, tuple[int, str]] = {}

    @property
    def built(self) -> Built:
        """What was made."""
        return Built(self.value, self._nodes, bool(self._anchors))

    def run(self) -> None:
        """Read all events."""
        handlers: dict[type, Callable[[Any], None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._open,
            yaml.SequenceStartEvent: self._open,
            yaml.MappingEndEvent: self._close,
            yaml.SequenceEndEvent: self._close,
            yaml.AliasEvent: self._alias,
            yaml.DocumentStartEvent: self._document,
        }
        parser = CParser(self.text.content)
        try:
            while True:
                event = parser.get_event()
                kind = type(event)
                if kind is yaml.StreamEndEvent:
                    return
                handler = handlers.get(kind)
                if handler is not None:
                    handler(event)
        finally:
            parser.dispose()

    def _scalar(self, event: Any) -> None:
        value: Any = event.value
        self._weight += 1 + len(value)
        if event.tag is not None:
            self._refuse_tag(event)
        elif event.implicit[0]:
            try:
                value = plain_scalar(value)
            except OverflowError:
                self._report(Code.YAML_BOUNDS, "this number does not fit 64 bits", event)
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchor(value, 1 + len(event.value))
        self._put(value, event)

    def _put(self, value: Any, event: Any) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._stop(Code.YAML_BOUNDS, f"more than {MAX_NODES:,} values in one file", event)
        if not self._stack:
            self.value = value
            return
        frame = self._stack[-1]
        box = frame.box
        if type(box) is list:
            box.append(value)
        elif frame.key is _NO_KEY:
            frame.key = self._key(value, box, event)
        else:
            box[frame.key] = value
            frame.key = _NO_KEY

    def _key(self, value: Any, box: dict[str, Any], event: Any) -> str:
        if type(value) is not str:
            self._refuse_key(value, event)
            return str(value)
        if value == "<<" and event.implicit[0]:
            way_out = "write the keys out, or compose with `defaults:`"
            self._report(
                Code.YAML_FEATURE, "merge keys (`<<`) are not part of specs", event, way_out
            )
        elif value in self._reserved:
            way_out = "a spec is data: name one of the built-in kinds"
            self._report(Code.YAML_FEATURE, "a spec cannot name code to call", event, way_out)
        elif value in box:
            self._duplicate(value, event)
        return value

    def _open(self, event: Any) -> None:
        if event.tag is not None:
            self._refuse_tag(event)
        if len(self._stack) >= self._deepest:
            self._stop(Code.YAML_BOUNDS, f"nested deeper than {MAX_DEPTH} levels", event)
        if self._stack and self._stack[-1].wants_key:
            way_out = "quote the key if it is meant as text"
            self._stop(Code.YAML_FEATURE, "a key cannot be a list or a mapping", event, way_out)
        box: Any = {} if type(event) is yaml.MappingStartEvent else []
        self._weight += 1
        self._stack.append(_Frame(box, event, _NO_KEY, event.anchor, self._weight))
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchor(box, None)

    def _close(self, _: yaml.Event) -> None:
        frame = self._stack.pop()
        if frame.anchor is not None and self._anchors[frame.anchor].value is frame.box:
            self._anchors[frame.anchor].weight = self._weight - frame.weight + 1
        self._put(frame.box, frame.event)

    def _alias(self, event: Any) -> None:
        anchor = self._anchors.get(event.anchor)
        if anchor is None:
            self._stop(Code.YAML_SYNTAX, f"no anchor `&{event.anchor}` stands before it", event)
        if self._stack and self._stack[-1].wants_key:
            self._stop(Code.YAML_FEATURE, "a key cannot be an alias", event, "write it out")
        if anchor.weight is None:
            message = f"`*{event.anchor}` stands inside of what it repeats"
            self._stop(Code.YAML_FEATURE, message, event)
        self._aliased += anchor.weight
        self._weight += anchor.weight
        if self._aliased > MAX_ALIASED:
            self._stop(Code.YAML_BOUNDS, "aliases repeat too much text", event)
        self._put(self._copy(anchor.value, len(self._stack), event), event)

    def _copy(self, value: Any, depth: int, event: Any) -> Any:
        if type(value) not in (dict, list):
            return value
        if depth >= self._deepest:
            self._stop(Code.YAML_BOUNDS, f"nested deeper than {MAX_DEPTH} levels", event)
        self._nodes += len(value)
        if type(value) is dict:
            return {key: self._copy(item, depth + 1, event) for key, item in value.items()}
        return [self._copy(item, depth + 1, event) for item in value]

    def _document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            way_out = "keep one spec per file and remove this `---`"
            self._stop(Code.YAML_FEATURE, "a second document begins here", event, way_out)

    def _refuse_tag(self, event: Any) -> None:
        way_out = "values have the type they look like; quote a text that begins with `!`"
        self._report(Code.YAML_FEATURE, "tags are not part of specs", event, way_out)

    def _refuse_key(self, value: Any, event: Any) -> None:
        kind = {bool: "a boolean", type(None): "nothing"}.get(type(value), "a number")
        written = self.text.content[event.start_mark.index : event.end_mark.index]
        way_out = f'quote it: `"{written}":`' if written else "write a key before the `:`"
        self._report(Code.YAML_FEATURE, f"a key is text, and this is {kind}", event, way_out)

    def _duplicate(self, key: str, event: Any) -> None:
        self._twice[len(self.findings)] = (self._stack[-1].event.start_mark.index, key)
        message = f"the key `{key}` stands twice in one mapping"
        self._report(Code.DUPLICATE_KEY, message, event, Once("keep one of them"))

    def label_duplicates(self) -> None:
        """Point each finding of a key that stands twice at the first one, too."""
        first = _first_keys(self.text, set(self._twice.values()))
        for position, key in self._twice.items():
            label = Label("first written here", span=self.text.span(*first[key]))
            self.findings[position] = replace(self.findings[position], labels=(label,))

    def _report(self, code: Code, message: str, event: Any, help: str = "") -> None:
        start = event.start_mark.index
        end = max(min(event.end_mark.index, self.text.line_end(start)), start + 1)
        span = self.text.span(start, end)
        helps = (help,) if help else ()
        self.findings.append(Diagnostic(code, message, span=span, help=helps))
        if len(self.findings) >= MAX_FINDINGS:
            raise _Stop

    def _stop(self, code: Code, message: str, event: Any, help: str = "") -> NoReturn:
        self._report(code, message, event, help)
        raise _Stop


def _first_keys(text: Text, wanted: set[tuple[int, str]]) -> dict[tuple[int, str], tuple[int, int]]:
    """Where each key first stands in the mapping that begins at an offset, in one pass."""
    found: dict[tuple[int, str], tuple[int, int]] = {}
    stack: list[list[Any]] = []
    parser = CParser(text.content)
    try:
        while len(found) < len(wanted):
            event: Any = parser.get_event()
            kind = type(event)
            if kind in (yaml.ScalarEvent, yaml.AliasEvent) and stack:
                place = (stack[-1][0], getattr(event, "value", None))
                if stack[-1][1] and place in wanted:
                    found.setdefault(place, (event.start_mark.index, event.end_mark.index))
                stack[-1][1] = stack[-1][1] is False
            elif kind in (yaml.MappingStartEvent, yaml.SequenceStartEvent):
                at_key = True if kind is yaml.MappingStartEvent else None
                stack.append([event.start_mark.index, at_key])
            elif kind in (yaml.MappingEndEvent, yaml.SequenceEndEvent):
                stack.pop()
                if stack:
                    stack[-1][1] = stack[-1][1] is False
    finally:
        parser.dispose()
    return found
