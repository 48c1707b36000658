"""What of the data becomes what of a spec: its id, target, features, rules and split."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Callable, Sequence
from typing import Any, Literal

from msgspec import Struct

from compiler.graph.survey import Spread, Surveyed

Task = Literal["binary", "multiclass", "regression"]

MIN_ROWS = 60
"""Rows from which a model is worth a try."""
MIN_SPLIT = 20
"""Rows from which every part of a split gets some."""
MIN_CLASS = 12
"""Rows that each class needs, so that every part has some."""
MOST_CLASSES = 20
MOST_CATEGORIES = 30
MOST_RULES = 12
"""Columns that a rule of one kind names; the others can follow their example."""

_ID = re.compile(r"(?:.*_)?(?:id|uuid|guid|key|number|no)|.*Id", re.ASCII)
_TARGETS = ("target", "label", "class", "y", "outcome", "response", "churn", "churned", "fraud",
            "default", "survived", "diagnosis", "species")  # fmt: skip
_UNSAFE = re.compile(r"\$\{")


class Left(Struct, frozen=True):
    """A column that is no feature, and why."""

    name: str
    why: str


class Choice(Struct, frozen=True):
    """What a first spec says of the data.

    Attributes:
        rows: Rows of the data.
        columns: The columns that it can declare.
        nested: Those that it cannot.
        id: What names a row.
        target: What a model predicts; None where nothing is plausible.
        why_not: Why there is no model, where there is none.
        task: The model's task.
        features: What the model sees.
        left: What it does not see.
        time: The column and the moment by which the dataset is split in two.
    """

    rows: int
    columns: tuple[Surveyed, ...]
    nested: tuple[str, ...]
    id: Surveyed | None
    target: Surveyed | None
    why_not: str
    task: Task | None
    features: tuple[Surveyed, ...]
    left: tuple[Left, ...]
    time: tuple[Surveyed, str] | None


Spreads = Callable[[Surveyed, Surveyed, str], Sequence[Spread]]
"""How a target's values lie before and behind a moment of a column."""


def choose(found: Sequence[Surveyed], wanted: str | None, spread: Spreads) -> Choice:
    """Choose what is safe: everything that is chosen holds in the data as it is."""
    columns = tuple(c for c in found if c.column.type.is_scalar and _writable(c.column.name))
    kept = {c.column.name for c in columns}
    nested = tuple(c.column.name for c in found if c.column.name not in kept)
    key = _key(columns)
    target = _target(columns, wanted)
    why_not, task = _task(target) if target is not None else (_none_yet(columns), None)
    usable = [c for c in columns if c is not target]
    pairs = [(c, _why_left(c, key)) for c in usable]
    features = tuple(c for c, why in pairs if not why)
    left = tuple(Left(c.column.name, why) for c, why in pairs if why)
    if task is not None and not features:
        why_not, task = "no column is a feature by itself", None
    time = _time(columns, target, task, spread) if target is not None else None
    return Choice(found[0].rows, columns, nested, key, target, why_not, task, features, left, time)


def _writable(name: str) -> bool:
    """Whether a column can be declared: what is reserved in YAML and in specs cannot."""
    return 0 < len(name) <= 255 and name != "_target_" and name.isprintable()


def nameable(name: str) -> bool:
    """Whether a name can stand as a value: what looks like an interpolation would become one."""
    return not _UNSAFE.search(name)


def _key(columns: Sequence[Surveyed]) -> Surveyed | None:
    """The column that names a row: unique, and called so, or the first one."""
    whole = [c for c in columns if c.unique and not c.nulls and nameable(c.column.name)]
    fits = [c for c in whole if c.column.type == "string" or c.column.type.is_integer]
    called = [c for c in fits if _ID.fullmatch(c.column.name)]
    first = [c for c in fits if c is columns[0] and c.rows > 1]
    return next(iter([*called, *first]), None)


def _target(columns: Sequence[Surveyed], wanted: str | None) -> Surveyed | None:
    if wanted is not None:
        return next((c for c in columns if c.column.name == wanted), None)
    few = [c for c in columns if c.column.type == "bool" or 2 <= len(c.values) <= MOST_CLASSES]
    called = {c.column.name.lower(): c for c in reversed(few) if nameable(c.column.name)}
    return next((called[name] for name in _TARGETS if name in called), None)


def _none_yet(columns: Sequence[Surveyed]) -> str:
    """That a target has to be named, with the last columns of few values that could be one."""
    few = [c for c in columns if _task(c)[1] in ("binary", "multiclass")]
    said = " or ".join(f"`--target {shlex.quote(c.column.name)}`" for c in few[-2:])
    return f"no target: name one, perhaps {said}" if said else "no target: name one with --target"


def _task(target: Surveyed) -> tuple[str, Task | None]:
    """The task that a target asks for, or why it cannot be one."""
    name, type_ = target.column.name, target.column.type
    if not nameable(name):
        return f"`{name}` would be read as an interpolation", None
    if target.rows - target.nulls < MIN_ROWS:
        return f"{target.rows - target.nulls} rows are too few to learn from", None
    classes = len(target.values)
    if type_.is_numeric and not (type_.is_integer and 0 < classes <= MOST_CLASSES):
        flat = target.low == target.high
        return (f"`{name}` has one value only", None) if flat else ("", "regression")
    if not (type_ in ("bool", "string") or type_.is_integer) or classes > MOST_CLASSES:
        return f"`{name}` is no class and no number: {type_}", None
    if classes < 2:
        return f"`{name}` has too few or too many values to be classes", None
    if min(count for _, count in target.values) < MIN_CLASS:
        return f"some values of `{name}` have fewer than {MIN_CLASS} rows", None
    return "", "binary" if classes == 2 else "multiclass"


def _why_left(c: Surveyed, key: Surveyed | None) -> str:
    """Why a column is no feature; empty where it is one."""
    type_ = c.column.type
    if c is key:
        return "names the row, and says nothing of the next one"
    if not nameable(c.column.name):
        return "its name would be read as an interpolation"
    if c.nulls == c.rows or c.distinct <= 1:
        return "always the same"
    if type_.is_temporal:
        return "a time is no feature by itself: take parts of it, such as month(x)"
    if type_ == "binary":
        return "bytes"
    if type_ == "string" and not 0 < len(c.values) <= MOST_CATEGORIES:
        return "free text, or too many values to be categories"
    if type_ == "string" and c.unique:
        return "every row has its own"
    return ""


def _time(
    columns: Sequence[Surveyed], target: Surveyed | None, task: Task | None, spread: Spreads
) -> tuple[Surveyed, str] | None:
    """A moment before which a model can learn and after which it can be judged."""
    for c in columns:
        usable = c.column.type in ("date", "timestamp") and not c.nulls and c.low != c.late
        if target is None or task is None or not usable or not nameable(c.column.name):
            continue
        cut = c.late.isoformat(sep=" ") if c.column.type == "timestamp" else c.late.isoformat()
        parts = spread(target, c, cut)
        before, behind = sum(p.before for p in parts), sum(p.behind for p in parts)
        known = all(p.before >= MIN_CLASS / 2 and p.behind >= 2 for p in parts)
        if min(before, behind) >= MIN_ROWS / 4 and (task == "regression" or known):
            return c, cut
    return None


def bounds(c: Surveyed) -> list[int | float] | None:
    """Round numbers around what was seen; None for what has no such bounds."""
    type_ = c.column.type
    if not type_.is_numeric or c.low is None or c.nulls == c.rows or not nameable(c.column.name):
        return None
    low, high = float(c.low), float(c.high)
    if not (math.isfinite(low) and math.isfinite(high)) or max(abs(low), abs(high)) > 1e15:
        return None
    wide = max(high - low, abs(high), 1e-9)
    step = 10.0 ** (math.floor(math.log10(wide)) - 1)
    ends = [math.floor(low / step) * step, math.ceil(high / step) * step]
    rounded = [float(f"{end:.6g}") for end in ends]
    if rounded[0] > low or rounded[1] < high:
        return None
    if type_.is_integer:
        return [math.floor(rounded[0]), math.ceil(rounded[1])]
    return [int(end) if end.is_integer() else end for end in rounded]


def members(c: Surveyed) -> list[Any] | None:
    """The few values of a text; None where they are many, or could not be written as they are."""
    values = [value for value, _ in c.values]
    listed = c.column.type == "string" and 1 < len(values) <= MOST_RULES and c.rows >= 20
    plain = (
        all(len(v) <= 60 and v.isprintable() and nameable(v) for v in values) if listed else False
    )
    return sorted(values) if plain and nameable(c.column.name) and not c.unique else None
