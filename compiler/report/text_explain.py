"""Where a value of the spec came from: every place that set it, the winner last."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

from msgspec import Struct

from compiler.diagnostics import Path, did_you_mean
from compiler.load.provenance import Setter
from compiler.report.diagnostics import span_json
from compiler.report.text_snippet import Mark, snippet
from compiler.report.text_style import Cell, Style, Tone, table
from compiler.source import Sources

_TONES: dict[str, Tone] = {"wins": "good", "put in": "good"}


class History(Protocol):
    """What remembers who set a value."""

    def history(self, path: Path) -> list[Setter]:
        """The places that set it; the winner is last."""


class Setting(Struct, frozen=True):
    """A value of the composed spec and the places that set it, the winner last."""

    path: Path
    value: Any
    places: tuple[Setter, ...]

    @property
    def name(self) -> str:
        """The path as it is written on the command line."""
        return ".".join(map(str, self.path))


class NoSuchValue(LookupError):
    """The spec holds no value at a path; the arguments are the path and help lines."""


def lookup(config: Mapping[str, Any], history: History, asked: str) -> Setting:
    """Find a value by its dotted path.

    Raises:
        NoSuchValue: Nothing is there.
    """
    path, value = _walk(config, asked)
    return Setting(path, value, tuple(history.history(path)))


def _walk(config: Any, asked: str) -> tuple[Path, Any]:
    path: Path = ()
    value, rest = config, asked.split(".")
    while rest:
        step = _step(value, rest)
        if step is None:
            keys = [str(key) for key in value] if isinstance(value, Mapping) else []
            raise NoSuchValue(".".join(map(str, (*path, rest[0]))), did_you_mean(rest[0], keys))
        key, value, used = step
        path, rest = (*path, key), rest[used:]
    return path, value


def _step(value: Any, words: list[str]) -> tuple[str | int, Any, int] | None:
    """The next key, its value and how many words it took: a column's name may hold dots."""
    if isinstance(value, Mapping):
        for used in range(len(words), 0, -1):
            key = ".".join(words[:used])
            if key in value:
                return key, value[key], used
    if isinstance(value, list | tuple) and words[0].isdecimal() and int(words[0]) < len(value):
        return int(words[0]), value[int(words[0])], 1
    return None


def value_lines(setting: Setting, sources: Sources, style: Style, width: int = 100) -> list[str]:
    """The value, the places that set it in order, and the winner's own line."""
    lines = [f"{style.paint(setting.name, 'bold')} = {_shown(setting.value)}"]
    rows: list[list[Cell | str]] = [
        [str(found.span), _shown(found.value), Cell(found.fate, _TONES.get(found.fate))]
        for found in setting.places
    ]
    if not rows:
        return lines
    lines += ["", *table(("set by", "to", ""), rows, style), ""]
    winner = Mark(setting.places[-1].span, primary=True)
    return [*lines, *snippet([winner], sources, style, "good", width)]


def value_document(setting: Setting) -> dict[str, Any]:
    """The same for programs."""
    return {
        "path": list(setting.path),
        "value": setting.value,
        "set_by": [
            {"span": span_json(found.span), "value": found.value, "fate": found.fate}
            for found in setting.places
        ],
    }


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
