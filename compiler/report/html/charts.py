"""Small charts in SVG: lines, points, bars, histograms; each says in words what it shows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from compiler.report.html.svg import Scale, axes, frame, joined, path, tag
from compiler.report.html.words import cut, figure, share

WIDTH, HEIGHT = 320.0, 236.0
LEFT, RIGHT, TOP, BOTTOM = 48.0, 10.0, 22.0, 40.0

CURVES: Mapping[str, tuple[str, str, str, str | None]] = {
    "roc": ("ROC", "false positive rate", "true positive rate", "diagonal"),
    "pr": ("Precision and recall", "recall", "precision", None),
    "calibration": ("Calibration", "predicted probability", "share of positives", "diagonal"),
    "residuals": ("Residuals", "predicted", "truth − predicted", "zero"),
}
"""Title, names of the axes and guide line of each curve that an evaluation may hold."""


def curve_title(kind: str) -> str:
    """What people call a curve."""
    return CURVES[kind][0] if kind in CURVES else kind


def curve(kind: str, points: Mapping[str, Sequence[float]]) -> Markup:
    """A curve of an evaluation; residuals are points, the rest lines in the unit square."""
    _, x_name, y_name, guide = CURVES.get(kind, (kind, "x", "y", None))
    pairs = _finite(points.get("x", ()), points.get("y", ()))
    if not pairs:
        return Markup("")
    unit = kind in ("roc", "pr", "calibration")
    x = _scale([p[0] for p in pairs], LEFT, WIDTH - RIGHT, unit)
    y = _scale([p[1] for p in pairs], HEIGHT - BOTTOM, TOP, unit)
    body = axes(x, y, x_name, y_name) + _guide(guide, x, y)
    if kind == "residuals":
        body += joined(tag('<circle class="dot" cx="{x}" cy="{y}" r="1.6"/>', x=x(a), y=y(b))
                       for a, b in pairs)  # fmt: skip
    else:
        body += tag('<path class="line s0" d="{d}"/>', d=path([(x(a), y(b)) for a, b in pairs]))
    if kind == "calibration":
        body += joined(tag('<circle class="mark s0" cx="{x}" cy="{y}" r="3"><title>{t}</title>'
                           "</circle>", x=x(a), y=y(b), t=f"{figure(a)}: {figure(b)}")
                       for a, b in pairs)  # fmt: skip
    label = f"{curve_title(kind)}: {y_name} over {x_name}, {len(pairs)} points"
    return frame(WIDTH, HEIGHT, label, body, "curve")


def learning(series: Mapping[str, Sequence[float]]) -> Markup:
    """Metrics per round, one line each with its name at the end of the list above."""
    lines = {name: _finite(range(1, len(v) + 1), v) for name, v in series.items()}
    lines = {name: pairs for name, pairs in lines.items() if pairs}
    if not lines:
        return Markup("")
    every = [pair for pairs in lines.values() for pair in pairs]
    x = _scale([p[0] for p in every], LEFT, WIDTH - RIGHT, unit=False)
    y = _scale([p[1] for p in every], HEIGHT - BOTTOM, TOP, unit=False)
    body = axes(x, y, "round", "")
    for number, (name, pairs) in enumerate(lines.items()):
        body += tag(
            '<path class="line s{n}" d="{d}"><title>{name}</title></path>',
            n=number % 4, d=path([(x(a), y(b)) for a, b in pairs]), name=name,
        )  # fmt: skip
    label = "Learning curve: " + ", ".join(lines) + f" over {len(every) // len(lines)} rounds"
    return frame(WIDTH, HEIGHT, label, body, "curve")


def bar(value: float | None, most: float) -> Markup:
    """One bar of a table's row, from 0 to ``most``."""
    if value is None or not math.isfinite(value) or most <= 0:
        return Markup("")
    width = 100.0 * min(1.0, max(0.0, value / most))
    return tag(
        '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" width="100" height="8"/><rect class="fill" width="{w}" height="8"/>'
        "</svg>",
        w=width,
    )


def histogram(labels: Sequence[Any], shares: Sequence[float], name: str) -> Markup:
    """Shares as bars side by side; each bar tells its range and share."""
    most = max(shares, default=0.0)
    if most <= 0:
        return Markup("")
    room, tall = 200.0, 44.0
    wide = room / len(shares)
    gap = min(1.0, wide / 6)
    parts = []
    for number, (label, value) in enumerate(zip(labels, shares, strict=False)):
        height = max(tall * value / most, 0.6 if value > 0 else 0.0)
        parts.append(
            tag(
                '<rect class="fill" x="{x}" y="{y}" width="{w}" height="{h}">'
                "<title>{label}: {share}</title></rect>",
                x=number * wide + gap / 2,
                y=tall - height,
                w=max(wide - gap, 0.5),
                h=height,
                label=str(label),
                share=share(value),
            )
        )
    base = tag('<line class="level" x1="0" x2="{w}" y1="{y}" y2="{y}"/>', w=room, y=tall)
    label = f"Distribution of {name}: {len(shares)} bars, the highest {share(most)}"
    return frame(room, tall + 1, label, base + joined(parts), "histogram", stretch=True)


def side_by_side(
    labels: Sequence[Any], reference: Sequence[float], current: Sequence[float], name: str
) -> Markup:
    """Shares per bin of the reference and of a window, one pair of bars a bin."""
    most = max([*reference, *current], default=0.0)
    if most <= 0:
        return Markup("")
    line, names, room = 22.0, 172.0, 168.0
    parts = []
    for number, (label, a, b) in enumerate(zip(labels, reference, current, strict=False)):
        y = number * line
        text = str(label)
        shown = cut(text, 20)
        parts.append(
            tag(
                "<g><title>{text}: {a} before, {b} now</title>"
                '<text class="bin" x="{t}" y="{ty}" text-anchor="end">{shown}</text>'
                '<rect class="before" x="{x}" y="{y1}" width="{wa}" height="7"/>'
                '<rect class="now" x="{x}" y="{y2}" width="{wb}" height="7"/></g>',
                text=text,
                shown=shown,
                a=share(a),
                b=share(b),
                t=names - 8,
                ty=y + 14,
                x=names,
                y1=y + 3,
                y2=y + 11,
                wa=room * a / most,
                wb=room * b / most,
            )
        )
    label = f"{name}: shares of {len(labels)} bins, reference and window"
    return frame(names + room, line * len(parts), label, joined(parts), "pairs")


def _finite(x: Sequence[float], y: Sequence[float]) -> list[tuple[float, float]]:
    pairs = zip(x, y, strict=False)
    return [
        (float(a), float(b))
        for a, b in pairs
        if a is not None and b is not None and math.isfinite(a) and math.isfinite(b)
    ]


def _scale(values: Sequence[float], start: float, end: float, unit: bool) -> Scale:
    if unit:
        return Scale(0.0, 1.0, start, end)
    low, high = min(values), max(values)
    if low == high:
        spread = abs(low) * 0.1 or 1.0
        low, high = low - spread, high + spread
    return Scale(low, high, start, end)


def _guide(kind: str | None, x: Scale, y: Scale) -> Markup:
    ends = {
        "diagonal": [(x.low, y.low), (x.high, y.high)],
        "zero": [(x.low, 0.0), (x.high, 0.0)],
    }.get(kind or "")
    if not ends:
        return Markup("")
    return tag('<path class="guide" d="{d}"/>', d=path([(x(a), y(b)) for a, b in ends]))
