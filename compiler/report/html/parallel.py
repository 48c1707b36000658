"""Parallel coordinates in SVG: an upright scale for each thing, a line across for each point."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup
from msgspec import Struct

from compiler.report.html.svg import frame, joined, path, tag, ticks
from compiler.report.html.words import cut, figure

HEIGHT, TOP, BOTTOM = 288.0, 40.0, 268.0
BETWEEN, LEFT, RIGHT = 138.0, 16.0, 96.0
MOST_WORDS = 12
"""A scale of words names no more of them; further ones are drawn all the same."""


class Upright(Struct, frozen=True):
    """One scale: a value for each line, in the lines' order; ``remark`` stands behind its name."""

    name: str
    values: tuple[Any, ...]
    remark: str = ""


class Line(Struct, frozen=True):
    """One line: ``quality`` from 0 (the worst) to 1, and what it is called."""

    name: str
    quality: float


def parallel(label: str, uprights: Sequence[Upright], lines: Sequence[Line]) -> Markup:
    """The picture; empty where there is nothing to compare.

    The first line is the best and stands out; the others fade with their quality.
    """
    if len(lines) < 2 or len(uprights) < 2:
        return Markup("")
    places = [LEFT + BETWEEN * n for n in range(len(uprights))]
    heights = [_heights(upright.values) for upright in uprights]
    drawn = []
    for at in reversed(range(len(lines))):
        points = [(x, column[at]) for x, column in zip(places, heights, strict=True)]
        drawn.append(_line(lines[at], points, uprights, at))
    scales = [_scale(x, upright) for x, upright in zip(places, uprights, strict=True)]
    width = places[-1] + RIGHT
    return frame(width, HEIGHT, label, joined(drawn) + joined(scales), "parallel")


def _line(
    line: Line, points: Sequence[tuple[float, float]], uprights: Sequence[Upright], at: int
) -> Markup:
    told = ", ".join(f"{upright.name} {shown(upright.values[at])}" for upright in uprights)
    return tag(
        '<path class="way{best}" style="stroke-opacity:{o}" d="{d}">'
        "<title>{name}: {told}</title></path>",
        best=" best" if at == 0 else "",
        o="1" if at == 0 else f"{0.18 + 0.6 * line.quality:.2f}",
        d=path(points),
        name=line.name,
        told=told,
    )


def _scale(x: float, upright: Upright) -> Markup:
    body = tag('<line class="upright" x1="{x}" x2="{x}" y1="{a}" y2="{b}"/>', x=x, a=TOP, b=BOTTOM)
    for text, y in _marks(upright.values):
        body += tag(
            '<text class="tick halo" x="{x}" y="{y}">{t}</text>', x=x + 6, y=y + 3.5, t=text
        )
    return body + tag(
        '<text class="bin" x="{x}" y="14">{name}<title>{whole}</title></text>'
        '<text class="tick" x="{x}" y="27">{remark}</text>',
        x=x - 6,
        name=cut(upright.name, 20),
        whole=upright.name,
        remark=upright.remark,
    )


def shown(value: Any) -> str:
    """A value as a word on its scale."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return figure(value)
    return json.dumps(value, ensure_ascii=False)


def _numbers(values: Sequence[Any]) -> list[float] | None:
    """The values where all of them are numbers that can be drawn."""
    if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        return None
    if any(abs(v) >= 1e300 for v in values) or not all(map(math.isfinite, values)):
        return None
    return [float(v) for v in values]


def _logarithmic(numbers: Sequence[float]) -> bool:
    """Whether they are best told apart by their magnitude."""
    return min(numbers) > 0 and max(numbers) / min(numbers) >= 50


def _words(values: Sequence[Any]) -> list[str]:
    return list(dict.fromkeys(map(shown, values)))


def _heights(values: Sequence[Any]) -> list[float]:
    """The height of every value."""
    numbers = _numbers(values)
    if numbers is None:
        words = _words(values)
        return [_of_word(words.index(shown(value)), len(words)) for value in values]
    low, high = min(numbers), max(numbers)
    return [_of_number(number, low, high, _logarithmic(numbers)) for number in numbers]


def _marks(values: Sequence[Any]) -> list[tuple[str, float]]:
    """What stands along the scale, and how high."""
    numbers = _numbers(values)
    if numbers is None:
        words = _words(values)
        step = math.ceil(len(words) / MOST_WORDS)
        return [(cut(w, 18), _of_word(n, len(words))) for n, w in enumerate(words)][::step]
    low, high = min(numbers), max(numbers)
    logarithmic = _logarithmic(numbers)
    distinct = sorted(set(numbers))
    named = distinct if len(distinct) <= 6 else ticks(low, high)
    if logarithmic and len(distinct) > 6:
        named = [10.0**n for n in range(math.ceil(math.log10(low)), math.ceil(math.log10(high)))]
    found = [(figure(value), _of_number(value, low, high, logarithmic)) for value in named]
    return _apart(found)


def _apart(marks: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """Marks that do not stand on each other; the lowest and the highest stay."""
    kept = marks[:1]
    for mark in marks[1:]:
        if abs(mark[1] - kept[-1][1]) >= 11:
            kept.append(mark)
    return kept


def _of_word(place: int, of: int) -> float:
    return BOTTOM - (place + 0.5) / of * (BOTTOM - TOP)


def _of_number(value: float, low: float, high: float, logarithmic: bool) -> float:
    if low == high:
        return (TOP + BOTTOM) / 2
    if logarithmic:
        value, low, high = math.log(value), math.log(low), math.log(high)
    return BOTTOM - (value - low) / (high - low) * (BOTTOM - TOP)
