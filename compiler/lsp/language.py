"""What the JSON Schema says of a place of a spec: its keys, its values, its words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from msgspec import Struct

from compiler.diagnostics import Path
from specs.schema import json_schema


class Key(Struct, frozen=True):
    """A key that may stand somewhere, and what the language says of it."""

    name: str
    description: str
    default: Any = None
    required: bool = False


@cache
def _schema() -> dict[str, Any]:
    return json_schema()


def keys_at(path: Path, config: Any) -> list[Key]:
    """The keys that the mapping at a path may have; of several kinds, those of the kind it has."""
    found: dict[str, Key] = {}
    for part in _parts(path, config):
        for name, inner in part.get("properties", {}).items():
            required = name in part.get("required", ())
            found.setdefault(name, Key(name, _words(inner), inner.get("default"), required))
    return list(found.values())


def key_of(path: Path, config: Any) -> Key | None:
    """What the language says of the key at a path; None where the author names it."""
    if not path:
        return None
    return next((key for key in keys_at(path[:-1], config) if key.name == path[-1]), None)


def values_at(path: Path, config: Any) -> list[str]:
    """The values that the language lists for a path."""
    found: dict[str, None] = {}
    for part in _parts(path, config):
        listed = part.get("enum", [part["const"]] if "const" in part else ())
        words = ["true", "false"] if part.get("type") == "boolean" else listed
        found.update((str(word), None) for word in words if word is not True)
    return list(found)


def _words(part: dict[str, Any]) -> str:
    text = part.get("description") or next(
        (p.get("description", "") for p in _options(part) if p.get("description")), ""
    )
    return re.sub(r"\s+", " ", text.replace("``", "`"))


def _parts(path: Path, config: Any) -> list[dict[str, Any]]:
    """The parts of the schema that describe the value at a path."""
    parts = [_schema()]
    for at, step in enumerate(path):
        inner = [found for part in parts for found in _below(part, step)]
        parts = [option for part in inner for option in _options(part)]
        if path[at + 1 : at + 2] != ("kind",):  # it is what may be changed
            parts = _of_kind(parts, _value(config, path[: at + 1]))
    return parts


def _value(config: Any, path: Path) -> Any:
    for step in path:
        if isinstance(config, dict):
            config = config.get(step)
        elif isinstance(config, list) and isinstance(step, int) and step < len(config):
            config = config[step]
        else:
            return None
    return config


def _of_kind(parts: list[dict[str, Any]], value: Any) -> list[dict[str, Any]]:
    kind = value.get("kind") if isinstance(value, dict) else None
    told = [p for p in parts if p.get("properties", {}).get("kind", {}).get("const") == kind]
    return told if kind is not None and told else parts


def _options(part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A part without references and alternatives: each of them."""
    if "$ref" in part:
        yield from _options(_schema()["$defs"][part["$ref"].rsplit("/", 1)[1]])
        return
    yield part
    for word in ("anyOf", "oneOf"):
        for option in part.get(word, ()):
            yield from _options(option)


def _below(part: dict[str, Any], step: str | int) -> Iterator[dict[str, Any]]:
    if isinstance(step, int):
        pair = part.get("prefixItems", ())
        if step < len(pair):
            yield pair[step]
        elif isinstance(part.get("items"), dict):
            yield part["items"]
        return
    if step in part.get("properties", {}):
        yield part["properties"][step]
    yield from part.get("patternProperties", {}).values()
    if isinstance(part.get("additionalProperties"), dict):
        yield part["additionalProperties"]
