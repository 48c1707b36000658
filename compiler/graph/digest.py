"""Canonical bytes and digests of plain data and of operations."""

from __future__ import annotations

import hashlib
import json
import json.encoder
import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from msgspec import NODEFAULT, Struct
from msgspec.structs import asdict, fields


def plain(value: Any) -> Any:
    """Plain JSON data of a frozen value; structs become mappings by field name."""
    return json.loads(canonical(value))


def keyed(value: Any) -> Any:
    """Plain JSON data of what a key is made from: without what belongs to none."""
    return json.loads(_bytes(value, _encode_keyed))


def canonical(value: Any) -> bytes:
    """The one byte string of a value: sorted keys, no spaces, UTF-8.

    JSON has no words for NaN and infinities: they are ``{"float": "nan"}``.
    """
    return _bytes(value, _encode)


def _bytes(value: Any, encode: Callable[[Any], str]) -> bytes:
    try:
        text = encode(value)
    except ValueError:
        text = encode(_spelt(value))
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


def _keyed(value: Any) -> Any:
    """The same, without the fields that a struct says belong to no key."""
    found = _default(value)
    for name in getattr(value, "unkeyed", ()):
        del found[name]
    later = getattr(value, "later", ())
    if later:
        unset = _unset(value.__class__)
        for name in later:
            if found[name] == unset[name]:
                del found[name]
    return found


@cache
def _unset(kind: Any) -> dict[str, Any]:
    """The fields of a struct that have a default, with it."""
    return {f.name: f.default for f in fields(kind) if f.default is not NODEFAULT}


def _encoder(default: Callable[[Any], Any]) -> Callable[[Any], str]:
    # A frozen value holds no circle: nothing is spent on looking for one.
    encoder = json.JSONEncoder(
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
        default=default,
        check_circular=False,
    )
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return encoder.encode
    # `encode` makes one of these at each call, which takes as long as most of our values do.
    made = make(None, default, json.encoder.encode_basestring, None, ":", ",", True, False, False)
    return lambda value: "".join(made(value, 0))


_encode, _encode_keyed = _encoder(_default), _encoder(_keyed)


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
    """SHA-256 of the canonical bytes, 64 hex digits; what belongs to no key is left out."""
    return hashlib.sha256(_bytes(value, _encode_keyed)).hexdigest()
