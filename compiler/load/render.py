"""A plain value as YAML text, quoted the way the text around it is."""

from __future__ import annotations

import json
import math
from typing import Any

from compiler.load.scalars import plain_scalar

_FLOW_MARKS = set("{}[],")


def rendered(value: Any, *, flow: bool = False, style: str | None = None) -> str:
    """The value on one line.

    Args:
        value: Text, a number, a boolean, None, or lists and mappings of them.
        flow: Whether it stands in brackets.
        style: The quote that the value before it had.
    """
    if isinstance(value, dict):
        inner = (f"{rendered(k, flow=True)}: {rendered(v, flow=True)}" for k, v in value.items())
        return "{" + ", ".join(inner) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(rendered(item, flow=True) for item in value) + "]"
    if isinstance(value, str):
        return _text(value, flow, style)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    return repr(value)


def _text(value: str, flow: bool, style: str | None) -> str:
    if style == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    if style == '"' or not _may_be_plain(value, flow):
        return json.dumps(value, ensure_ascii=not value.isprintable())
    return value


def _may_be_plain(value: str, flow: bool) -> bool:
    """Whether the text, unquoted, is read as itself."""
    if not value or value != value.strip() or not value.isprintable():
        return False
    if flow and _FLOW_MARKS & set(value):
        return False
    if not isinstance(_scalar(value), str):
        return False
    safe = ": " not in value and " #" not in value and not value.endswith(":")
    return safe and value[0] not in "-?:,[]{}#&*!|>'\"%@`" and value not in ("<<", "...")


def _scalar(value: str) -> Any:
    try:
        return plain_scalar(value)
    except OverflowError:
        return None
