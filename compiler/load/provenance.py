"""Where the values of a composed config come from, found when somebody asks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from compiler.diagnostics import Diagnostic, Label, Place, located
from compiler.load.assign import MISSING
from compiler.load.groups import PACKAGED_NAME
from compiler.load.layers import FileLayer, Layer
from compiler.load.mend import mended
from compiler.load.once import Of, once
from compiler.load.pieces import PieceError
from compiler.load.resolve import Resolver
from compiler.load.text import Text
from compiler.source import Span

Path: TypeAlias = tuple[str | int, ...]
_INPUT = re.compile(r"\$\{\s*input\.(\w+)")


class Setter(Struct, frozen=True):
    """A place that set a value, what it set, and what became of that.

    ``refers to`` names inputs of a module, and what was ``put in`` for them follows.
    """

    span: Span
    value: Any
    fate: Literal["overruled", "wins", "refers to", "put in"]


class Provenance:
    """Answers where a place of the config was written: the file or argument that set it last.

    Nothing is kept while a spec compiles; the texts are read again, with
    marks, at the first question.
    """

    def __init__(self, layers: tuple[Layer, ...], resolver: Resolver | None = None) -> None:
        self.layers = layers
        self.resolver = resolver
        self.origins: Mapping[Path, Origin] = {}

    def origin(self, path: Path) -> Origin | None:
        """The origin of the block at a path, where it was made and not written."""
        return self.origins.get(path[:2]) if self.origins else None

    def span(self, place: Place) -> Span | None:
        """The span of a place; of the nearest thing around it where nothing set it."""
        origin = self.origin(place.path)
        if origin is not None:
            written = (*origin.path, *place.path[2:])
            return origin.provenance.span(replace(place, path=written))
        layer = self._last(place.path)
        if layer is not None:
            if place.within is not None and not place.key:
                within = place.within
                found = self._within(layer, place.path, within.offset, within.length)
                if found is not None:
                    return found
            return layer.span(place.path, key=place.key)
        for length in range(len(place.path) - 1, -1, -1):
            around = place.path[:length]
            layer = self._last(around)
            if layer is not None:
                # A text may stand for a list of it alone; then it is the entry itself.
                entry = isinstance(place.path[length], int) and layer.written(around) is not None
                return layer.span(around, key=not entry)
        return None

    def history(self, path: Path) -> list[Setter]:
        """Every place that set the value at a path; the one that won is last.

        Values are as they were written, before interpolation; where a module
        takes an input, the places that give it follow.
        """
        origin = self.origin(path)
        if origin is not None:
            written = origin.provenance.history((*origin.path, *path[2:]))
            return _with_inputs(written, origin.provenance, origin.uses)
        found: list[Setter] = []
        for layer in self.layers:
            if layer.sets(path) and not layer.deleted and layer.written(path) != MISSING:
                span = layer.span(path)
                if span is not None:
                    found.append(Setter(span, layer.value(path), "overruled"))
        return [*found[:-1], *(replace(last, fate="wins") for last in found[-1:])]

    def written(self, path: Path, start: int, end: int) -> Span | None:
        """The span of a stretch of a text as it was written, before interpolation."""
        layer = self._last(path)
        if layer is None:
            return self.span(Place(path))
        return layer.within(path, start, end - start) or layer.span(path)

    def text(self, name: str) -> Text | None:
        """The text of a file of the user's that set something."""
        files = (layer.text for layer in self.layers if isinstance(layer, FileLayer))
        named = (text for text in files if text.name == name)
        return None if name.startswith(PACKAGED_NAME) else next(named, None)

    def _last(self, path: Path) -> Layer | None:
        """The layer that won: the last one that gives a value, else one that asks for it."""
        found = [layer for layer in reversed(self.layers) if layer.sets(path)]
        given = (layer for layer in found if layer.written(path) != MISSING)
        return next(given, found[0] if found else None)

    def _within(self, layer: Layer, path: Path, offset: int, length: int) -> Span | None:
        raw = layer.written(path)
        if raw is not None and "${" in raw and self.resolver is not None:
            offset, length = _before_interpolation(self.resolver, raw, offset, length)
        return layer.within(path, offset, length)


class Origin(Struct, frozen=True):
    """Where a block was written that was made from a template: an instance, or of a module.

    Attributes:
        path: The block's path in the text that holds it.
        provenance: That text, with what the interpolations of this block mean.
        block: The name of the block that was made.
        instance: Whether the text is there for several blocks.
        uses: Where the module is used, and where the module that uses it is.
    """

    path: Path
    provenance: Provenance
    block: str
    instance: bool = False
    uses: tuple[tuple[Provenance, Path], ...] = ()

    @property
    def labels(self) -> tuple[Label, ...]:
        """The places that use the module."""
        spans = [provenance.span(Place(path, key=True)) for provenance, path in self.uses]
        return tuple(Label("used here", span=span) for span in spans)


def _with_inputs(
    found: list[Setter], module: Provenance, uses: tuple[tuple[Provenance, Path], ...]
) -> list[Setter]:
    """The places, and behind one that names inputs of a module those that give them."""
    names = _INPUT.findall(found[-1].value) if found and isinstance(found[-1].value, str) else []
    if not names or not uses:
        return found
    (user, path), *outer = uses
    more: list[Setter] = []
    for name in dict.fromkeys(names):
        given = user.history((*path, "with", name)) or module.history(("inputs", name, "default"))
        given = [*given[:-1], *(replace(last, fate="put in") for last in given[-1:])]
        more += _with_inputs(given, user, tuple(outer))
    return [*found[:-1], replace(found[-1], fate="refers to"), *more]


def locate(diagnostics: Iterable[Diagnostic], provenance: Provenance) -> tuple[Diagnostic, ...]:
    """The findings with the spans of their places and labels filled in, each once, sorted."""
    found = []
    for diagnostic in diagnostics:
        span, origin = diagnostic.span, None
        if span is None and diagnostic.place is not None:
            span = provenance.span(diagnostic.place)
            origin = provenance.origin(diagnostic.place.path)
        labels = tuple(
            replace(label, span=provenance.span(label.place))
            if label.span is None and label.place is not None
            else label
            for label in diagnostic.labels
        )
        found.append(of_block(mended(located(diagnostic, span, labels), provenance.text), origin))
    return tuple(sorted(once(found), key=lambda diagnostic: diagnostic.sort_key))


def of_block(diagnostic: Diagnostic, origin: Origin | None) -> Of:
    """A located finding with the block it is of, and with the uses of the module it is in."""
    if origin is None:
        return diagnostic, "", False
    labels = (*diagnostic.labels, *origin.labels)
    return replace(diagnostic, labels=labels), origin.block, origin.instance


def _before_interpolation(
    resolver: Resolver, raw: str, offset: int, length: int
) -> tuple[int, int]:
    """A stretch of a resolved text as a stretch of the text that was written."""
    try:
        segments = resolver.segments(raw)
    except PieceError:
        return offset, length
    start = _written_at(segments, offset, False)
    end = _written_at(segments, offset + max(length, 1) - 1, True)
    return start, max(end - start, 1)


def _written_at(segments: list[tuple[int, int, str]], offset: int, end: bool) -> int:
    at = 0
    for first, last, text in segments:
        if offset < at + len(text):
            if last - first == len(text):
                return first + (offset - at) + int(end)
            return last if end else first
        at += len(text)
    return segments[-1][1] if segments else offset
