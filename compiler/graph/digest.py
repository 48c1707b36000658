"""Canonical bytes and digests of plain data and of operations."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict


def plain(value: Any) -> Any:
    """Plain JSON data of a frozen value; structs become mappings by field name."""
    return json.loads(canonical(value))


def canonical(value: Any) -> bytes:
    """The one byte string of a value: sorted keys, no spaces, UTF-8.

    JSON has no words for NaN and infinities: they are ``{"float": "nan"}``.
    """
    try:
        text = _encode(value)
    except ValueError:
        text = _encode(_spelt(value))
    return text.encode("utf-8", "surrogatepass")


def _default(value: Any) -> Any:
    """What the encoder asks for values that JSON does not know, one level at a time."""
    if isinstance(value, Struct):
        return asdict(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no canonical form")


_encode = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_default
).encode


def _spelt(value: Any) -> Any:
    """The value with its NaNs and infinities spelt out."""
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": repr(value)}
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, tuple | list):
        return [_spelt(item) for item in value]
    inner = value if isinstance(value, dict) else _default(value)
    if isinstance(inner, list):
        return [_spelt(item) for item in inner]
    return {key: _spelt(item) for key, item in inner.items()}


def digest(value: Any) -> str:
    """SHA-256 of the canonical bytes, 64 hex digits."""
    return hashlib.sha256(canonical(value)).hexdigest()
