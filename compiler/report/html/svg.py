"""Pieces of SVG with every text escaped, and the axes that charts share."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

from markupsafe import Markup, escape
from msgspec import Struct

from compiler.report.html.words import figure

_BREAKS = re.compile(r"([_./])(?=\w)")


def tag(template: str, **values: Any) -> Markup:
    """A template with its ``{fields}`` filled in, escaped; numbers to a tenth."""
    plain = {k: _coordinate(v) if isinstance(v, float) else v for k, v in values.items()}
    return Markup(template).format(**plain)  # noqa: S704 (templates are ours, values are escaped)


def joined(parts: Iterable[Markup]) -> Markup:
    """Pieces one after the other."""
    return Markup("").join(parts)


def breakable(text: str) -> Markup:
    """A name, escaped, that may be broken behind its underscores, dots and slashes."""
    return Markup(_BREAKS.sub(r"\1<wbr>", str(escape(text))))  # noqa: S704 (escaped just here)


def frame(
    width: float, height: float, label: str, body: Markup, kind: str, *, stretch: bool = False
) -> Markup:
    """A whole picture with a name for those who do not see it.

    ``stretch`` lets it fill its place however wide; that is for pictures without text.
    """
    return tag(
        '<svg class="chart {kind}" viewBox="0 0 {width} {height}" width="{width}"'
        ' height="{height}" preserveAspectRatio="{aspect}" role="img" aria-label="{label}">'
        "{body}</svg>",
        width=width, height=height, label=label, body=body, kind=kind,
        aspect="none" if stretch else "xMidYMid",
    )  # fmt: skip


def path(points: Sequence[tuple[float, float]]) -> str:
    """Straight lines through points, as the ``d`` of a path."""
    steps = (f"{_coordinate(x)} {_coordinate(y)}" for x, y in points)
    return "M" + "L".join(steps)


class Scale(Struct, frozen=True):
    """Maps values from ``low`` to ``high`` onto pixels from ``start`` to ``end``."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The pixel of a value; what lies outside is drawn at the edge."""
        span = self.high - self.low
        part = (value - self.low) / span if span else 0.5
        return self.start + min(1.0, max(0.0, part)) * (self.end - self.start)


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round values from low to high, at most about ``most``."""
    span = high - low
    if not math.isfinite(span) or span <= 0:
        return [low]
    raw = span / most
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * n for n in (1, 2, 2.5, 5, 10) if unit * n >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [n * step for n in range(first, last + 1)]


def axes(x: Scale, y: Scale, x_name: str, y_name: str) -> Markup:
    """Grid lines with their values, and the names of both axes."""
    body = joined(_level(x, y, value) for value in ticks(y.low, y.high))
    body += joined(_below(x, y, value) for value in ticks(x.low, x.high))
    return body + tag(
        '<text class="axis" x="{x}" y="{y}" text-anchor="middle">{x_name}</text>'
        '<text class="axis" x="4" y="12">{y_name}</text>',
        x=(x.start + x.end) / 2,
        y=y.start + 33,
        x_name=x_name,
        y_name=y_name,
    )


def _level(x: Scale, y: Scale, value: float) -> Markup:
    return tag(
        '<line class="level" x1="{a}" x2="{b}" y1="{y}" y2="{y}"/>'
        '<text class="tick" x="{t}" y="{v}" text-anchor="end">{text}</text>',
        a=x.start,
        b=x.end,
        y=y(value),
        t=x.start - 6,
        v=y(value) + 4,
        text=figure(value),
    )


def _below(x: Scale, y: Scale, value: float) -> Markup:
    return tag(
        '<text class="tick" x="{x}" y="{y}" text-anchor="middle">{text}</text>',
        x=x(value),
        y=y.start + 16,
        text=figure(value),
    )


def _coordinate(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
