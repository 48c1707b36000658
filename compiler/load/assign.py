"""Sets, adds and deletes single values of a plain config, with Hydra's meaning of overrides."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from compiler.diagnostics import did_you_mean

Path = tuple[str | int, ...]
MISSING = "???"
"""A value that somebody else has to give."""


class AssignmentError(Exception):
    """An override that does not fit; ``part`` is the part of the key that is to blame."""

    def __init__(self, message: str, part: int, help: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message, self.part, self.help = message, part, help


def split_key(key: str) -> tuple[str, ...]:
    """The parts of ``a.b[0].c`` and ``a.b.0.c``."""
    return tuple(part for part in re.split(r"[.\[\]]", key) if part)


def merge(base: dict[str, Any], over: dict[str, Any]) -> None:
    """Merge a mapping into another: mappings by key, anything else replaces; ``???`` gives way."""
    for key, value in over.items():
        if key not in base:
            base[key] = value
            continue
        below = base[key]
        if isinstance(below, dict) and isinstance(value, dict):
            merge(below, value)
        elif value != MISSING:
            base[key] = value


def missing(value: Any, path: Path = ()) -> list[Path]:
    """The paths of the values that are still ``???``."""
    if isinstance(value, str):
        return [path] if value == MISSING else []
    inner: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    return [found for key, item in inner for found in missing(item, (*path, key))]


def change(config: dict[str, Any], parts: tuple[str, ...], value: Any) -> None:
    """``a.b=1``: the place must be there; a mapping is merged and may bring no new key.

    Raises:
        AssignmentError: There is no such place.
    """
    box, key = _parent(config, parts)
    old = box[key]
    if isinstance(old, dict) and isinstance(value, dict):
        _merge_closed(old, value, parts)
    else:
        box[key] = value


def add(config: dict[str, Any], parts: tuple[str, ...], value: Any, *, force: bool) -> None:
    """``+a.b=1`` and, forced, ``++a.b=1``: mappings on the way are made.

    Raises:
        AssignmentError: Something stands there already, or on the way.
    """
    box: Any = config
    for index, part in enumerate(parts[:-1]):
        if isinstance(box, dict) and box.get(part) is None:
            box[part] = {}
        box = box[_key(box, part, parts, index)]
    last = len(parts) - 1
    if not isinstance(box, dict):
        box[_key(box, parts[last], parts, last)] = value
        return
    old = box.get(parts[last])
    if isinstance(old, dict) and isinstance(value, dict):
        merge(old, value)
    elif old is None or force or isinstance(value, dict | list):
        box[parts[last]] = value
    else:
        way_out = "leave the `+` out to change it, or write `++`"
        raise AssignmentError(f"`{'.'.join(parts)}` has a value already", last, (way_out,))


def delete(config: dict[str, Any], parts: tuple[str, ...], value: Any) -> None:
    """``~a.b`` and ``~a.b=1``, which deletes only this value.

    Raises:
        AssignmentError: It is not there, or has another value.
    """
    box, key = _parent(config, parts)
    last = len(parts) - 1
    if isinstance(box, list):
        way_out = "give the whole list instead, without the item"
        raise AssignmentError("an item of a list cannot be deleted", last, (way_out,))
    if value is not None and value != box[key]:
        raise AssignmentError(f"`{'.'.join(parts)}` has another value", last)
    del box[key]


def _parent(config: dict[str, Any], parts: tuple[str, ...]) -> tuple[Any, Any]:
    box: Any = config
    for index, part in enumerate(parts):
        key = _key(box, part, parts, index)
        if index == len(parts) - 1:
            return box, key
        box = box[key]
    raise AssignmentError("the key is empty", 0)


def _key(box: Any, part: str, parts: tuple[str, ...], index: int) -> str | int:
    where = f"`{'.'.join(parts[:index])}`" if index else "the spec"
    if isinstance(box, dict):
        if part in box:
            return part
        raise AssignmentError(f"{where} has no `{part}`", index, _ways_out(part, parts, box))
    if isinstance(box, list):
        if part.isdecimal() and part.isascii() and int(part) < len(box):
            return int(part)
        message = f"{where} is a list of {len(box)} items and has no item `{part}`"
        raise AssignmentError(message, index, ("items count from 0",))
    raise AssignmentError(f"{where} is {_kind(box)} and has nothing inside", max(index - 1, 0))


def _merge_closed(old: dict[str, Any], new: dict[str, Any], parts: tuple[str, ...]) -> None:
    for key, value in new.items():
        if key not in old:
            message = f"`{'.'.join(parts)}` has no `{key}`"
            raise AssignmentError(message, len(parts), _ways_out(key, (*parts, key), old))
        if isinstance(old[key], dict) and isinstance(value, dict):
            _merge_closed(old[key], value, (*parts, key))
        else:
            old[key] = value


def _ways_out(part: str, parts: Iterable[str], box: dict[str, Any]) -> tuple[str, ...]:
    return (*did_you_mean(part, box), f"`+{'.'.join(parts)}=...` adds it")


def _kind(value: Any) -> str:
    if value is None:
        return "empty"
    if isinstance(value, str):
        return "a text"
    return "a boolean" if isinstance(value, bool) else "a number"
