"""Where one block names another: the keys of each kind that hold a block's name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from compiler.load.expand.inputs import TABLES

Path: TypeAlias = tuple[str | int, ...]
Rename: TypeAlias = Callable[[str, str, tuple[str, ...], Path], str]
"""From a name, what it should name, the kinds that may be, and its path in the block: the block."""

_TABLE = ("table", TABLES)
_MODEL = ("model", ("models",))
_FIELDS: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "datasets": {"from": _TABLE},
    "models": {"dataset": ("dataset", TABLES)},
    "predictions": {"model": _MODEL, "table": _TABLE},
    "deployments": {"model": _MODEL},
    "monitors": {
        "table": _TABLE,
        "reference": _TABLE,
        "model": _MODEL,
        "prediction": ("prediction", ("predictions",)),
        "deployment": ("deployment", ("deployments",)),
    },
}
_NOTIFICATION = ("notification", ("notifications",))


def renamed(kind: str, block: Any, rename: Rename) -> Any:
    """The block with every name of another one replaced; what is no text stays as it is."""
    if kind == "validation":
        return (
            [_rule(rule, (at,), rename) for at, rule in enumerate(block)]
            if isinstance(block, list)
            else block
        )
    if not isinstance(block, dict):
        return block
    found = dict(block)
    for key, (word, kinds) in _FIELDS.get(kind, {}).items():
        if isinstance(block.get(key), str):
            found[key] = rename(block[key], word, kinds, (key,))
    if kind == "monitors" and isinstance(block.get("on_alert"), list):
        actions = enumerate(block["on_alert"])
        found["on_alert"] = [_action(one, ("on_alert", at), rename) for at, one in actions]
    if kind == "monitors" and isinstance(block.get("performance"), dict):
        found["performance"] = _labelled(block["performance"], rename)
    return found


def _action(action: Any, path: Path, rename: Rename) -> Any:
    name = action.get("notify") if isinstance(action, dict) else None
    if not isinstance(name, str):
        return action
    return {**action, "notify": rename(name, *_NOTIFICATION, (*path, "notify"))}


def _labelled(performance: Any, rename: Rename) -> Any:
    """A monitor's performance, whose ``labels`` are a column of another table."""
    target = performance.get("labels")
    if not isinstance(target, str) or "." not in target:
        return performance
    return {**performance, "labels": _column(target, ("performance", "labels"), rename)}


def _column(target: str, path: Path, rename: Rename) -> str:
    """``table.column`` with the table's name replaced."""
    table, _, column = target.partition(".")
    return f"{rename(table, *_TABLE, path)}.{column}"


def _rule(rule: Any, path: Path, rename: Rename) -> Any:
    """A rule whose ``references`` name columns of other tables."""
    targets = rule.get("references") if isinstance(rule, dict) else None
    if not isinstance(targets, dict):
        return rule
    found = dict(targets)
    for column, target in targets.items():
        if isinstance(target, str) and "." in target:
            found[column] = _column(target, (*path, "references", column), rename)
    return {**rule, "references": found}


def plain(value: Any) -> Any:
    """The value without what only expansion knows: every text is a text and nothing more."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, str) else value
