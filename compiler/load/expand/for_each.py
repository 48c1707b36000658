"""``for_each``: the keys that a block is made for, and what each stands for."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeAlias

from specs.scaling import FOR_EACH

_KEY = re.compile(r"[a-z0-9_]+", re.ASCII)
_MAX_KEY = 60

Report: TypeAlias = Callable[[str, tuple[str | int, ...], tuple[str, ...]], None]
"""Tells what is wrong at a path below ``for_each``, and the way out."""


def is_template(block: Any) -> bool:
    """Whether a block is to be made several times."""
    return isinstance(block, dict) and FOR_EACH in block


def values_of(given: Any, report: Report) -> dict[str, Any]:
    """What each key stands for: itself where they are a list. Wrong keys are told and left out."""
    if isinstance(given, dict) and given:
        return {key: value for key, value in given.items() if _good(key, (key,), report)}
    if isinstance(given, list) and given:
        return _of_list(given, report)
    if isinstance(given, dict | list):
        report("`for_each` names no key, so it makes no block", (), ("take the block away",))
    else:
        message = "`for_each` must be a list of keys, or a mapping of keys to values"
        report(message, (), ("for example `for_each: [ewr, jfk]`",))
    return {}


def _of_list(given: list[Any], report: Report) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for index, value in enumerate(given):
        if isinstance(value, bool) or not isinstance(value, str | int):
            message = "a key of `for_each` must be a text or a whole number"
            report(message, (index,), ("a mapping gives each key its values",))
        elif _good(str(value), (index,), report):
            if str(value) in found:
                report(f"the key `{value}` stands here twice", (index,), ("keep one of them",))
            found.setdefault(str(value), value)
    return found


def _good(key: str, path: tuple[str | int, ...], report: Report) -> bool:
    """Whether a key may be the end of a block's name."""
    if _KEY.fullmatch(key) and len(key) <= _MAX_KEY:
        return True
    ways: tuple[str, ...] = ("keys are lower-case letters, digits and underscores",)
    if _KEY.fullmatch(key.lower()):
        ways = (*ways, f"write a mapping: `{key.lower()}: {key}`, and use `${{each.value}}`")
    report(f"`{key[:80]}` cannot be the end of a block's name", path, ways)
    return False
