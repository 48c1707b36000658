"""Why a node changes, down to the field: what was applied last, held against what is wanted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from compiler.backend import Json
from compiler.engine.rows import NodeRow
from compiler.graph.digest import keyed
from compiler.graph.node import Node

_NAMES = ("name", "text", "kind")
_SPOKEN = {("Train", "parameters"): "algorithm", ("Train", "algorithm"): "algorithm.kind"}
_SHOWN = 60
_ABSENT = object()


class Reason(Struct, frozen=True):
    """One reason: its ``kind``, a sentence, and for a field its name, old and new value.

    Kinds: first, field, implementation, input, observed, missing, gone,
    backend, removed, known, rolled_back, canary (of what is kept: a rollout goes on).
    """

    kind: str
    text: str
    field: str | None = None
    old: Json = None
    new: Json = None


def differences(
    node: Node, row: NodeRow, input_keys: Mapping[str, str], observed: str | None
) -> tuple[Reason, ...]:
    """Every way in which a node differs from its row; at least one."""
    operation = type(node.operation)
    if operation.__name__ != row.operation:
        return (
            Reason(
                "field",
                f"operation: {row.operation} → {operation.__name__}",
                "operation",
                row.operation,
                operation.__name__,
            ),
        )
    reasons = list(_fields(node, row))
    if operation.version != row.version:
        reasons.append(
            Reason("implementation", f"stackc runs {operation.__name__} differently now")
        )
    if observed != row.observed:
        reasons.append(Reason("observed", _observed(node)))
    reasons.extend(_inputs(node, row, input_keys))
    return tuple(reasons) or (Reason("implementation", "stackc keys it differently now"),)


def _fields(node: Node, row: NodeRow) -> Iterator[Reason]:
    old, new = json.loads(row.parameters), keyed(node.operation)
    for name in dict.fromkeys((*new, *old)):
        spoken = _SPOKEN.get((row.operation, name), name)
        yield from _compared(spoken, old.get(name, _ABSENT), new.get(name, _ABSENT))


def _compared(path: str, old: Any, new: Any) -> Iterator[Reason]:
    if old == new and type(old) is type(new):
        return
    old_items, new_items = _named(old), _named(new)
    if old_items is not None and new_items is not None and (old_items or new_items):
        before = list(_walk(path, old_items, new_items))
        if before:
            yield from before
            return
    shown = f"{path}: {' → '.join(_shown_pair(_text(old), _text(new)))}"
    if (
        old_items is not None
        and new_items is not None
        and sorted(map(str, old)) == sorted(map(str, new))
    ):
        shown = f"{path}: another order"
    yield Reason("field", shown, path, *(None if v is _ABSENT else v for v in (old, new)))


def _walk(path: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Reason]:
    for name in dict.fromkeys((*new, *old)):
        yield from _compared(f"{path}.{name}", old.get(name, _ABSENT), new.get(name, _ABSENT))


def _named(value: Any) -> dict[str, Any] | None:
    """A mapping, a list of pairs, or a list of things that have names, by name."""
    if isinstance(value, dict):
        return value
    if not isinstance(value, list):
        return None
    if all(
        isinstance(item, list) and len(item) == 2 and isinstance(item[0], str) for item in value
    ):
        named = {item[0]: item[1] for item in value}
    else:
        name = next(
            (n for n in _NAMES if all(isinstance(item, dict) and n in item for item in value)), ""
        )
        if not name:
            return None
        named = {str(item[name]): item for item in value}
    return named if len(named) == len(value) else None


def _inputs(node: Node, row: NodeRow, input_keys: Mapping[str, str]) -> Iterator[Reason]:
    refs = {name: str(ref) for name, ref in node.inputs}
    for name, ref in refs.items():
        before = row.inputs.get(name)
        if before is None:
            yield Reason("input", f"new input `{name}`: {ref}", name, None, ref)
        elif before.split(":")[1] != ref.split(":")[1] or (
            row.input_keys[name] != input_keys[name] and before != ref
        ):
            yield Reason("input", f"input `{name}`: {before} → {ref}", name, before, ref)
        elif row.input_keys[name] != input_keys[name]:
            producer = ref.split(":")[0]
            yield Reason("input", f"input changed: {producer}", name, before, ref)
    for name in row.inputs.keys() - refs.keys():
        yield Reason("input", f"no longer reads {row.inputs[name]}", name, row.inputs[name])


def _observed(node: Node) -> str:
    path = getattr(node.operation, "path", None)
    if path is not None:
        return f"data changed: {path}"
    if hasattr(node.operation, "connection"):
        return "data changed: the query gives another result"
    return "what it is held against has changed"


def _text(value: Any) -> str:
    if value is _ABSENT:
        return "(not set)"
    return " ".join((value if isinstance(value, str) else json.dumps(value)).split())


def _shown_pair(old: str, new: str) -> tuple[str, str]:
    """Both texts cut to size: from where they differ, if their beginnings would look alike."""
    if old != new and _cut(old) == _cut(new):
        pairs = enumerate(zip(old, new, strict=False))
        differs = next((at for at, (a, b) in pairs if a != b), min(len(old), len(new)))
        start = differs - _SHOWN // 2
        old, new = "…" + old[start:], "…" + new[start:]
    return _cut(old), _cut(new)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
