"""The override grammar: what an argument of the command line means, one value or several."""

from __future__ import annotations

from itertools import islice
from random import Random
from typing import Any, Literal

from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override, OverrideType, RangeSweep, Transformer
from hydra.errors import HydraException
from msgspec import Struct

from compiler.load.groups import Groups
from compiler.load.text import refused_character

MAX_ARGUMENT = 10_000
MAX_BRACKETS = 50

Kind = Literal["change", "add", "force", "delete"]
_KINDS: dict[OverrideType, Kind] = {
    OverrideType.CHANGE: "change",
    OverrideType.ADD: "add",
    OverrideType.FORCE_ADD: "force",
    OverrideType.DEL: "delete",
}


class ArgumentError(Exception):
    """An argument that is no override; ``offset`` is where in it, None for all of it."""

    def __init__(self, message: str, offset: int | None = None, way_out: str = "") -> None:
        super().__init__(message)
        self.message, self.offset, self.way_out = message, offset, way_out


class SweepError(ArgumentError):
    """An argument of a multirun whose values cannot be counted, or are too many."""


class Argument(Struct, frozen=True):
    """One override of the command line, parsed; ``index`` is its position there."""

    index: int
    kind: Kind
    key: str
    package: str | None
    value: Any
    parsed: Override


class Axis(Struct, frozen=True):
    """What one argument of a multirun stands for: an override for each of its values.

    ``key`` has the argument's sign and package; ``sweeps`` tells several values from one.
    """

    key: str
    overrides: tuple[str, ...]
    sweeps: bool


def parse_argument(index: int, argument: str) -> Argument:
    """One override in Hydra's grammar.

    Raises:
        ArgumentError: It is none, or it is a sweep.
    """
    override = _parsed(argument)
    if override.is_sweep_override():
        raise ArgumentError(
            "this names several values, and one run takes one",
            None,
            "`-m` runs all of them; quote a text that holds a comma, or write a list: `[a,b]`",
        )
    key, kind = override.key_or_group, _KINDS[override.type]
    if not key:
        raise ArgumentError("the key before the `=` is missing")
    value = None if kind == "delete" and "=" not in argument else override.value()
    return Argument(index, kind, key, override.package, value, override)


def axis_of(argument: str, groups: Groups, most: int) -> Axis:
    """The values of one argument of a multirun, in Hydra's order.

    A shuffled sweep has the same order each time, so that a point keeps its number.

    Args:
        argument: An override, or a sweep: ``a=1,2``, ``a=range(1,9)``, ``group=glob(*)``.
        groups: Where a glob finds its options.
        most: A sweep of more values is refused before they are made.

    Raises:
        ArgumentError: It is neither.
        SweepError: Its values cannot be counted, are too many, or there are none.
    """
    override = _parsed(argument)
    if not override.is_sweep_override():
        return Axis(override.get_key_element(), (argument,), sweeps=False)
    key, swept = override.get_key_element(), override.value()
    if not override.is_discrete_sweep():
        way_out = "name its values: `a=1,2,3`, `range(1,10,2)`, or a list"
        raise SweepError("the values of an interval cannot be counted", None, way_out)
    if override.is_delete():
        raise SweepError("a deletion has no values to choose from")
    if isinstance(swept, Glob) and not groups.has_group(override.key_or_group):
        raise SweepError(f"there is no config group `{override.key_or_group}` to look into")
    if isinstance(swept, RangeSweep) and _length(swept) > most:
        raise SweepError(f"this range has more than {most:,} values")
    override.config_loader = _Options(groups)  # type: ignore[assignment]
    values = list(islice(override.sweep_iterator(transformer=Transformer.str), most + 1))
    if getattr(swept, "shuffle", False):
        values.sort()
        Random(argument).shuffle(values)  # noqa: S311 - an order, not a secret
    if not values:
        raise SweepError("this names no value")
    if len(values) > most:
        raise SweepError(f"this names more than {most:,} values")
    return Axis(key, tuple(f"{key}={value}" for value in values), sweeps=True)


def _length(swept: RangeSweep) -> float:
    """How many values a range has, about, before any is made."""
    start, stop, step = (float(part or 0) for part in (swept.start, swept.stop, swept.step))
    if not step or step - step != 0 or start - stop - (start - stop) != 0:
        raise SweepError("a range goes from one number to another by steps that are not 0")
    return (stop - start) / step


class _Options(Struct, frozen=True):
    """What a glob asks of a config loader."""

    groups: Groups

    def get_group_options(self, group: str, results_filter: ObjectType | None = None) -> list[str]:
        """The names of a group's options."""
        return self.groups.options(group) if results_filter != ObjectType.GROUP else []


def _parsed(argument: str) -> Override:
    _bound(argument)
    try:
        return OverridesParser.create().parse_override(argument)
    except (HydraException, ValueError, RecursionError, AssertionError) as error:
        raise ArgumentError(*_what_grammar_says(argument, error)) from None


def _bound(argument: str) -> None:
    if len(argument) > MAX_ARGUMENT:
        raise ArgumentError(f"an override is at most {MAX_ARGUMENT:,} characters long")
    refused = refused_character(argument)
    if refused:
        message = f"the character U+{ord(refused.group()):04X} may not stand in an override"
        raise ArgumentError(message, refused.start())
    depth = 0
    for offset, character in enumerate(argument):
        depth += (character in "[{(") - (character in "]})")
        if depth > MAX_BRACKETS:
            raise ArgumentError(f"brackets nest deeper than {MAX_BRACKETS} levels", offset)


def _what_grammar_says(argument: str, error: Exception) -> tuple[str, int | None, str]:
    cause = error.__cause__
    way_out = "write `key=value`, `+key=value`, `~key` or `group=option`; quote special characters"
    last = max(len(argument) - 1, 0)
    at = getattr(cause, "startIndex", None)
    if isinstance(at, int):
        at = min(at, last)
        return f"`{argument[at : at + 1]}` is not possible here in an override", at, way_out
    at = getattr(getattr(cause, "offendingToken", None), "start", None)
    if isinstance(at, int):
        return "this is not an override", min(max(at, 0), last), way_out
    if isinstance(error, RecursionError):
        return "this value nests too deep", None, way_out
    message = first_line(error)
    if message.startswith("missing EQUAL"):
        return "an override is `key=value`, and the `=` is missing", None, way_out
    return message or "this is not an override", None, way_out


def first_line(error: Exception) -> str:
    """What Hydra says first; of no words the kind of error."""
    lines = str(error).strip().splitlines()
    return lines[0].strip() if lines else type(error).__name__
