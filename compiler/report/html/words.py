"""Values as people read them, in the page's tables and charts."""

from __future__ import annotations

import json
import math
from datetime import datetime
from typing import Any

from compiler.report.text_style import number

DASH = "–"


def figure(value: Any) -> str:
    """A quantity in four digits: ``12,346``, ``0.001235``, ``1.2e+12``; texts as they are.

    Example:
        >>> figure(12345.678), figure(0.0012345), figure(None), figure(3)
        ('12,346', '0.001234', '–', '3')
    """
    if value is None:
        return DASH
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or (abs(value) < 1e9 and value == int(value)):
        return f"{int(value):,}"
    if math.isfinite(value) and 1000 <= abs(value) < 1e9:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def amount(value: Any) -> str:
    """A value of the data: as ``figure``, but a year stays a year.

    Example:
        >>> amount(2013), amount(12345)
        ('2013', '12,345')
    """
    shown = figure(value)
    small = isinstance(value, int | float) and abs(value) < 10_000
    return shown.replace(",", "") if small else shown


def share(value: float | None) -> str:
    """A share as a percentage.

    Example:
        >>> share(0.1234), share(0.00004), share(0.0), share(1.0)
        ('12.3 %', '< 0.1 %', '0 %', '100 %')
    """
    if value is None:
        return DASH
    if value in (0, 1):
        return f"{value:.0%}".replace("%", " %")
    if 0 < value < 0.0005:
        return "< 0.1 %"
    return f"{100 * value:.1f} %"


def short(digest: str | None) -> str:
    """The first twelve digits of a digest."""
    return digest[:12] if digest else DASH


def moment(value: str | None) -> str:
    """An ISO time to the minute, in the zone it was written in.

    Example:
        >>> moment("2026-11-23T19:14:54.123+00:00")
        '2026-11-23 19:14 UTC'
    """
    if not value:
        return DASH
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return value
    return f"{at:%Y-%m-%d %H:%M} {at.tzname() or ''}".rstrip()


def example(value: Any) -> str:
    """A value of the data as it would stand in JSON, cut at 60 characters."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return cut(text, 60)


def cut(text: str, length: int) -> str:
    """A text with its end left out where it is too long."""
    return text if len(text) <= length else text[: length - 1] + "…"


def metric(value: Any) -> str:
    """A metric as the terminal shows it."""
    return number(value)


def distance(value: float | None) -> str:
    """A drift distance in three decimals."""
    return DASH if value is None else f"{value:.3f}"
