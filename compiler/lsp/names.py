"""Which places of a spec name blocks, and whose columns are in scope at a place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from compiler.diagnostics import Path
from compiler.graph.query import TABLE_KINDS

_MODELS, _DATASETS = ("models",), ("datasets",)
_REFERENCES: dict[tuple[str, str], tuple[str, ...]] = {
    ("datasets", "from"): TABLE_KINDS,
    ("models", "dataset"): _DATASETS,
    ("predictions", "model"): _MODELS,
    ("predictions", "table"): TABLE_KINDS,
    ("deployments", "model"): _MODELS,
    ("monitors", "table"): TABLE_KINDS,
    ("monitors", "prediction"): ("predictions",),
    ("monitors", "deployment"): ("deployments",),
    ("monitors", "model"): _MODELS,
    ("monitors", "reference"): TABLE_KINDS,
}
_COLUMNS: tuple[tuple[str, ...], ...] = (
    ("models", "*", "target"),
    ("models", "*", "features", "*"),
    ("models", "*", "features", "*", "*"),
    ("models", "*", "features", "*", "name"),
    ("models", "*", "features", "*", "expression"),
    ("models", "*", "features", "*", "*", "expression"),
    ("models", "*", "evaluation", "slices", "*"),
    ("models", "*", "evaluation", "fairness", "sensitive"),
    ("models", "*", "evaluation", "fairness", "sensitive", "*"),
    ("validation", "*", "*", "not_null", "*"),
    ("validation", "*", "*", "unique", "*"),
    ("validation", "*", "*", "between", "*"),
    ("validation", "*", "*", "in_set", "*"),
    ("validation", "*", "*", "matches", "*"),
    ("validation", "*", "*", "references", "*"),
    ("validation", "*", "*", "expression"),
    ("validation", "*", "*", "freshness", "column"),
    ("datasets", "*", "split", "*"),
    ("datasets", "*", "split", "group", "*"),
    ("datasets", "*", "clean", "*", "*", "*"),
    ("predictions", "*", "keep", "*"),
    ("deployments", "*", "key"),
    ("deployments", "*", "key", "*"),
    ("monitors", "*", "drift", "columns", "*"),
    ("monitors", "*", "window", "*"),
    ("datasets", "*", "sql"),
)
_MAPPINGS = ("between", "in_set", "matches", "references", "fill_null", "clip", "cast",
             "truncate", "bucket")  # fmt: skip
_FROM = re.compile(r"\b(?:from|join)\s+\"?(\w+)", re.IGNORECASE)
_WORD = re.compile(r"\w+")


def kinds_named(path: Path) -> tuple[str, ...]:
    """The kinds of block that the value at a path may name; empty where it names none."""
    if len(path) == 3:
        return _REFERENCES.get((str(path[0]), str(path[2])), ())
    if len(path) == 5 and path[0] == "monitors" and path[-1] == "notify":
        return ("notifications",)
    return ()


def key_names(path: Path) -> tuple[str, ...]:
    """The kinds of block that the key at a path names."""
    return TABLE_KINDS if len(path) == 2 and path[0] == "validation" else ()


def blocks(config: Any, kinds: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """The kind and name of every block of some kinds."""
    for kind in kinds:
        inside = config.get(kind) if isinstance(config, Mapping) else None
        for name in inside if isinstance(inside, Mapping) else ():
            yield kind, str(name)


def holds_columns(path: Path) -> bool:
    """Whether the value at a path names columns, alone or in SQL or an expression."""
    return any(_fits(path, pattern) for pattern in _COLUMNS)


def keys_are_columns(path: Path) -> bool:
    """Whether the keys of the mapping at a path are columns."""
    return len(path) > 1 and path[-1] in _MAPPINGS and path[0] in ("validation", "datasets")


def is_sql(path: Path) -> bool:
    """Whether the value at a path is a query over other tables."""
    return len(path) == 3 and path[0] == "datasets" and path[2] == "sql"


def tables_in_scope(path: Path, config: Any) -> tuple[str, ...]:
    """The tables whose columns may be named at a path."""
    if len(path) < 2:
        return ()
    kind, name = str(path[0]), str(path[1])
    body = _get(_get(config, kind), name)
    if kind in ("validation", "sources"):
        return (name,)
    if kind == "datasets":
        if not is_sql(path):
            return (name, str(_get(body, "from") or ""))
        return tuple(dict.fromkeys(t.lower() for t in _FROM.findall(str(_get(body, "sql") or ""))))
    if kind == "monitors":
        watched = _get(body, "table") or _get(body, "prediction")
        return (str(watched),) if watched else ()
    if kind == "deployments":
        body = _get(_get(config, "models"), str(_get(body, "model")))
    wanted = {"models": "dataset", "deployments": "dataset", "predictions": "table"}.get(kind)
    found = _get(body, wanted) if wanted else None
    return (str(found),) if found else ()


def word_at(text: str, offset: int) -> str:
    """The word of a text that an offset is in, or behind."""
    for match in _WORD.finditer(text):
        if match.start() <= offset <= match.end():
            return match[0]
    return ""


def _get(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, Mapping) else None


def _fits(path: Path, pattern: tuple[str, ...]) -> bool:
    pairs = zip(path, pattern, strict=False)
    return len(path) == len(pattern) and all(want in ("*", part) for part, want in pairs)
