"""Names and values as SQL text."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any


def name(text: str) -> str:
    """A quoted identifier."""
    return '"' + text.replace('"', '""') + '"'


def names(texts: Iterable[str]) -> str:
    """Quoted identifiers, separated by commas."""
    return ", ".join(name(text) for text in texts)


def string(text: str) -> str:
    """A string literal."""
    return "'" + text.replace("'", "''") + "'"


def strings(texts: Iterable[str]) -> str:
    """A list literal of strings."""
    return "[" + ", ".join(string(text) for text in texts) + "]"


def literal(value: str | int | float | bool | None) -> str:
    """A literal that DuckDB reads as exactly this value; strings adapt to what they meet."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        # A bare 0.1 would be a DECIMAL and compare unlike the DOUBLE that was meant.
        return f"'{value!r}'::DOUBLE"
    return string(value)


def jsonable(value: Any) -> Any:
    """A value of a result as plain JSON data."""
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, bytes | bytearray):
        return value.hex()
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    if isinstance(value, dict):
        return {str(key): jsonable(item) for key, item in value.items()}
    return str(value)
