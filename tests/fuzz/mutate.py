"""Mutations of specs: of their text, and of what the text means."""

from __future__ import annotations

import copy
import random
import re
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from compiler.graph.types import SCALARS

WORDS = (
    "", "null", "~", "true", "no", "yes", "0", "-1", "1e3", "1e400", ".nan", ".inf", "0x1F",
    "0o17", "9" * 40, "1_000", "2025-01-00", "12:30:45", "!!binary aGk=",
    "!!python/object:os.system {}", "!include x",
    "&a [*a]", "*nothing", "<<: {a: b}", "? a", "- - - -", "[[[[", "}}}}", "{{",
    "%TAG",
    "---", "...", "|", ">", "'", '"', "\\", "\t", "#", "@", "`", "${", "${}", "${a",
    "${oc.env:HOME}",
    "${secret:X}", "${secret:", "${models.late}", "${.}", "${..}", "__proto__", "_target_", "self",
    "\u202e", "\ufeff", "\u0000", "\x1b[31m", "é" * 300, "🜁", "ﷺ" * 40, "a" * 70_000,
    "../../etc/passwd",
    "/dev/zero", "file:///etc/passwd", "select 1; drop table x",
    "select * from read_csv('/etc/passwd')",
    "(" * 3000, "select " + "(" * 500 + "1" + ")" * 500, "x" + " + x" * 3000, "case " * 200,
    "with recursive r as (select 1 union all select * from r) select * from r",
    "select * from a, b, c, d, e", "import os", "lambda: 0", "\r\n", "nan", "-0",
    "1.7976931348623157e309",
)  # fmt: skip
"""Texts that have broken programs."""
TOKENS = (
    "(", ")", "'", '"', ",", "*", "/ 0", "null", "-1", "1e999", "::int", "::date", "case when",
    "end",
    "over ()", "group by", "having", "union all", "distinct", "interval", "array[1]", "{'a': 1}",
    "lambda x: x", "random()", "now()", "unnest", "values (1)", "from", "select", "where", "--",
    "/*", ";", "$1", "?", ":x", "ä", "e'\\x'", "0x", "1_0", "between", "is not", "=", ">= champion",
)  # fmt: skip
"""Pieces of SQL and expressions."""


def mutated(text: str, rng: random.Random) -> bytes:
    """The text after some mutations: most of them small, so that many get past the first door."""
    data: Any = text
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        (how,) = rng.choices((_of_meaning, _of_lines, _of_characters), (8, 1, 1))
        data = how(str(data), rng)
    raw = data.encode("utf-8", "surrogatepass")
    return _of_bytes(raw, rng) if rng.random() < 0.05 else raw


def _of_meaning(text: str, rng: random.Random) -> str:
    """Change the tree: what no text mutation finds, because it stays well formed."""
    try:
        tree = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return _of_lines(text, rng)
    if not isinstance(tree, dict) or len(text) > 200_000:
        return _of_lines(text, rng)
    places = list(_places(tree))
    if not places:
        return _of_lines(text, rng)
    (change,) = rng.choices([*_CHANGES], [*_CHANGES.values()])
    change(tree, places, rng)
    try:
        return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=1000)
    except (yaml.YAMLError, RecursionError, TypeError):
        return text


def _places(value: Any, path: tuple[Any, ...] = ()) -> Any:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(items):
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner, (*path, key))


def _put_word(_tree: Any, places: list[Any], rng: random.Random) -> None:
    box, key = rng.choice(places)
    _set(box, key, rng.choice(WORDS))


def _put_value(_tree: Any, places: list[Any], rng: random.Random) -> None:
    box, key = rng.choice(places)
    values: tuple[Any, ...] = (
        None, True, 0, -1, 10**30, 0.1, float("nan"), float("inf"), [], {}, [[]], {"": {}},
        [None] * 50, {"kind": "xgboost"}, rng.choice(SCALARS),
    )  # fmt: skip
    _set(box, key, rng.choice(values))


def _exchange(_tree: Any, places: list[Any], rng: random.Random) -> None:
    (box, key), (other, other_key) = rng.choice(places), rng.choice(places)
    _set(box, key, copy.deepcopy(_get(other, other_key)))


def _remove(_tree: Any, places: list[Any], rng: random.Random) -> None:
    box, key = rng.choice(places)
    if isinstance(box, dict):
        box.pop(key, None)


def _rename(_tree: Any, places: list[Any], rng: random.Random) -> None:
    box, key = rng.choice(places)
    if isinstance(box, dict) and key in box:
        name = str(key)
        at = rng.randrange(len(name) + 1)
        box[rng.choice((name[:at] + name[at + 1 :], name.upper(), rng.choice(WORDS)))] = box.pop(
            key
        )


def _nest(_tree: Any, places: list[Any], rng: random.Random) -> None:
    box, key = rng.choice(places)
    value = _get(box, key)
    for _ in range(rng.choice((1, 5, 200))):
        value = [value] if rng.random() < 0.5 else {"sql": value}
    _set(box, key, value)


def _repeat(_tree: Any, places: list[Any], rng: random.Random) -> None:
    box, key = rng.choice(places)
    if isinstance(box, dict) and isinstance(key, str):
        for at in range(rng.choice((1, 30))):
            box[f"{key}_{at}"] = copy.deepcopy(box.get(key))


def _get(box: Any, key: Any) -> Any:
    try:
        return box[key]
    except (KeyError, IndexError):
        return None


def _set(box: Any, key: Any, value: Any) -> None:
    if isinstance(box, dict) or (isinstance(key, int) and key < len(box)):
        box[key] = value


def _edit(_tree: Any, places: list[Any], rng: random.Random) -> None:
    """Change a text inside: SQL, an expression, a gate, a name."""
    texts = [(box, key) for box, key in places if isinstance(_get(box, key), str)]
    if not texts:
        return
    box, key = rng.choice(texts)
    text = str(box[key])
    pieces = re.findall(r"\w+|\s+|[^\w\s]+", text) or [""]
    at = rng.randrange(len(pieces))
    pieces[at] = rng.choice(("", pieces[at] * 2, rng.choice(pieces), rng.choice(TOKENS)))
    box[key] = "".join(pieces)


def _alike(_tree: Any, places: list[Any], rng: random.Random) -> None:
    """Put another value of the same type from elsewhere in the spec."""
    leaves = [(b, k) for b, k in places if isinstance(_get(b, k), str | int | float)]
    if not leaves:
        return
    box, key = rng.choice(leaves)
    same = [_get(b, k) for b, k in leaves if type(_get(b, k)) is type(box[key])]
    box[key] = rng.choice(same)


_CHANGES: Mapping[Callable[[Any, list[Any], random.Random], None], int] = {
    _edit: 8, _alike: 8, _remove: 2, _rename: 2, _exchange: 1, _put_word: 1, _put_value: 2,
    _nest: 1, _repeat: 2,
}  # fmt: skip


def _of_lines(text: str, rng: random.Random) -> str:
    lines = text.split("\n")
    at = rng.randrange(len(lines))
    kind = rng.randrange(5)
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines.insert(rng.randrange(len(lines) + 1), lines[at])
    elif kind == 2:
        lines[at] = " " * rng.randint(0, 9) + lines[at].strip()
    elif kind == 3:
        lines.insert(at, rng.choice(WORDS))
    else:
        lines = lines[:at]
    return "\n".join(lines)


def _of_characters(text: str, rng: random.Random) -> str:
    at = rng.randrange(len(text) + 1)
    kind = rng.randrange(3)
    if kind == 0:
        return text[:at] + rng.choice(WORDS) + text[at:]
    if kind == 1:
        return text[:at] + text[at + rng.randint(1, 6) :]
    return text[:at] + rng.choice("{}[]:,-&*#?|>'\"%@`!\\$ \t") + text[at + 1 :]


def _of_bytes(raw: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(raw) + 1)
    return raw[:at] + rng.randbytes(rng.randint(1, 3)) + raw[at:]
