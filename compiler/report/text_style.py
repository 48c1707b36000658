"""How text reaches a terminal: visible control characters, cell widths, colours, tables."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, Protocol

from msgspec import Struct

Tone = Literal["error", "warning", "good", "dim", "bold", "accent", "change"]
Align = Literal["left", "right"]

_ANSI: dict[Tone, str] = {
    "error": "1;31",
    "warning": "1;33",
    "good": "32",
    "dim": "2",
    "bold": "1",
    "accent": "1;34",
    "change": "36",
}
TAB = 4


class Stream(Protocol):
    """What is asked of a stream before it is coloured."""

    def isatty(self) -> bool:
        """Whether a person reads it."""


def wants_colour(stream: Stream) -> bool:
    """Colour only on a terminal that has it, and never under NO_COLOR."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()


class Style(Struct, frozen=True):
    """Paints words when colour is on, and leaves them alone when it is off.

    Example:
        >>> Style(False).paint("error", "error")
        'error'
    """

    colour: bool = False

    def paint(self, text: str, tone: Tone | None) -> str:
        """The text in a tone; unchanged without colour."""
        if not self.colour or tone is None or not text:
            return text
        return f"\x1b[{_ANSI[tone]}m{text}\x1b[0m"


@lru_cache(maxsize=4096)
def visible_character(character: str) -> str:
    """A character as it may be shown: what would move or hide text is spelt out."""
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    if code < 0x7F or character == "\u00ad":
        return character
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp"):
        return f"<U+{code:04X}>"
    return character


def visible(text: str) -> str:
    r"""The text on one line, with control characters made visible.

    Example:
        >>> visible("a\x1b[31m")
        'a␛[31m'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(visible_character, text))


def visible_lines(text: str) -> list[str]:
    """The text's own lines, each made visible."""
    return [visible(line) for line in text.split("\n")]


def cells(text: str) -> int:
    """How many terminal cells a visible text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_cells_of, text))


@lru_cache(maxsize=4096)
def _cells_of(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) == "Mn":
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def cut(text: str, room: int) -> str:
    """The text within so many cells; an ellipsis stands for what is left out.

    Example:
        >>> cut("departures", 6)
        'depar…'
    """
    if cells(text) <= room:
        return text
    kept: list[str] = []
    used = 1
    for character in text:
        used += _cells_of(character)
        if used > room:
            break
        kept.append(character)
    return "".join(kept) + "…"


class Cell(Struct, frozen=True):
    """One field of a table; the tone colours it and takes no room."""

    text: str
    tone: Tone | None = None


def table(
    heads: Sequence[str],
    rows: Sequence[Sequence[Cell | str]],
    style: Style,
    *,
    right: Sequence[int] = (),
    indent: int = 2,
    widest: int = 60,
) -> list[str]:
    """Lines of a table whose columns are as wide as their content.

    Args:
        heads: One heading per column.
        rows: As many fields per row; user text may be passed as it is.
        style: Colours headings and toned cells.
        right: Columns that are aligned at the right: numbers.
        indent: Blanks before each line.
        widest: Cells after which a field is cut.
    """
    grid = [[_cell(field, widest) for field in row] for row in rows]
    widths = [
        max([cells(head), *(cells(row[at].text) for row in grid)]) for at, head in enumerate(heads)
    ]
    lines = [[Cell(head, "dim") for head in heads], *grid]
    return [" " * indent + _row(line, widths, set(right), style) for line in lines]


def _cell(field: Cell | str, widest: int) -> Cell:
    cell = Cell(field) if isinstance(field, str) else field
    return Cell(cut(visible(cell.text), widest), cell.tone)


def _row(row: Sequence[Cell], widths: Sequence[int], right: set[int], style: Style) -> str:
    parts: list[str] = []
    for at, cell in enumerate(row):
        blanks = " " * (widths[at] - cells(cell.text))
        text = style.paint(cell.text, cell.tone)
        last = at == len(row) - 1
        parts.append(blanks + text if at in right else text if last else text + blanks)
    return "  ".join(parts).rstrip()


def number(value: object, digits: int = 4) -> str:
    """A figure for people: thousands grouped, fractions short, nothing as a dash.

    Example:
        >>> number(336776), number(0.98765432), number(None)
        ('336,776', '0.9877', '–')
    """
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        if value != 0 and (abs(value) < 10**-digits or abs(value) >= 1e9):
            return f"{value:.3g}"
        return f"{value:,.{digits}f}"
    return str(value)


def seconds(value: float) -> str:
    """A duration for people.

    Example:
        >>> seconds(0.034), seconds(75.0)
        ('0.03 s', '1 min 15 s')
    """
    if value < 10:
        return f"{value:.2f} s"
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def size(count: int) -> str:
    """A number of bytes for people.

    Example:
        >>> size(1536)
        '1.5 kB'
    """
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1024 or unit == "GB":
            return f"{amount:.0f} B" if unit == "B" else f"{amount:,.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GB"


def plural(count: int, word: str) -> str:
    """A count with its noun.

    Example:
        >>> plural(1, "error"), plural(2, "error")
        ('1 error', '2 errors')
    """
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"
