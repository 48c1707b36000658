"""How comparisons, logic, choices, text and dates are typed."""

from __future__ import annotations

from dataclasses import replace

from compiler.codes import Code
from compiler.features import bound as b
from compiler.features.bound import Bound, coerce
from compiler.features.problems import Refused
from compiler.features.rules import NO_ORDER, Site, boolean, common, text


def comparison(site: Site) -> Bound:
    """``= <> < <= > >=``, ``between`` and ``in``."""
    kind, arguments = common(site, range(len(site.arguments)))
    if kind == b.STRING and site.name not in ("=", "<>", "in", "is distinct from"):
        raise site.wrong("numbers, dates or booleans", 0, NO_ORDER)
    kind = b.INT32 if kind == b.NULL else kind
    nullable = False if site.name == "is distinct from" else None
    return site.made(b.BOOL, (coerce(a, kind) for a in arguments), nullable)


def logic(site: Site) -> Bound:
    """``and``, ``or``, ``not``, ``is true``, ``is false``."""
    arguments = [boolean(site, place) for place in range(len(site.arguments))]
    nullable = False if site.name.startswith("is ") else None
    return site.made(b.BOOL, arguments, nullable)


def null_test(site: Site) -> Bound:
    """``is null``."""
    argument = site.arguments[0]
    return site.made(
        b.BOOL, (coerce(argument, b.INT32),) if argument.type == b.NULL else None, False
    )


# Choice.


def coalesce(site: Site) -> Bound:
    """The first that is not null."""
    kind, arguments = common(site, range(len(site.arguments)))
    kind = b.INT32 if kind == b.NULL else kind
    nullable = all(argument.nullable for argument in arguments)
    return site.made(kind, (coerce(a, kind) for a in arguments), nullable)


def nullif(site: Site) -> Bound:
    """Null where both are equal, else the first, which keeps its type."""
    _, arguments = common(site, (0, 1))
    first = coerce(arguments[0], b.INT32) if site.arguments[0].type == b.NULL else site.arguments[0]
    return site.made(first.type, (first, *arguments), True)


def case(site: Site) -> Bound:
    """``case when c then v ... else e``."""
    last = len(site.arguments) - 1
    if last < 2 or last % 2:
        raise Refused(Code.EXPRESSION_TYPE, "`case` needs conditions and values", site.call.at)
    conditions = [boolean(site, place) for place in range(0, last, 2)]
    return _branches(site, conditions, [*range(1, last, 2), last])


def switch(site: Site) -> Bound:
    """``case x when a then v ... else e``."""
    last = len(site.arguments) - 1
    whens = range(1, last, 2)
    kind, compared = common(site, (0, *whens))
    kind = b.INT32 if kind == b.NULL else kind
    subject, *values = (coerce(node, kind) for node in compared)
    nullable = [subject.nullable or value.nullable for value in values]
    conditions = [
        Bound("=", b.BOOL, null, (subject, value), at=value.at)
        for value, null in zip(values, nullable, strict=True)
    ]
    return _branches(site, conditions, [*range(2, last, 2), last])


def _branches(site: Site, conditions: list[Bound], places: list[int]) -> Bound:
    kind, values = common(site, places)
    kind = b.INT32 if kind == b.NULL else kind
    values = tuple(coerce(value, kind) for value in values)
    pairs = zip(conditions, values[:-1], strict=True)
    arguments = [node for pair in pairs for node in pair]
    nullable = any(value.nullable for value in values)
    return Bound("case", kind, nullable, (*arguments, values[-1]), at=site.call.at)


# Text.


def pattern(site: Site) -> Bound:
    """``like``, ``starts_with``, ``ends_with``, ``contains``: the second is a literal."""
    subject, wanted = text(site, 0), site.arguments[1]
    if wanted.op != "literal":
        message = f"`{site.name}` with a pattern that is no literal cannot be compiled into a model"
        raise Refused(Code.NOT_COMPILABLE, message, wanted.at)
    nullable = subject.nullable or wanted.value is None
    return site.made(b.BOOL, (subject, text(site, 1)), nullable)


def joined(site: Site) -> Bound:
    """``||``: null with null."""
    return site.made(b.STRING, (text(site, 0), text(site, 1)))


def concat(site: Site) -> Bound:
    """``concat``: nulls are passed over."""
    arguments = [text(site, place) for place in range(len(site.arguments))]
    return site.made(b.STRING, arguments, False)


# Dates.


def date_part(site: Site) -> Bound:
    """Parts that dates and timestamps have."""
    argument = site.arguments[0]
    clock = ("hour", "minute", "second", "millisecond", "microsecond", "epoch")
    timed = argument.type == b.TIME and site.name in clock
    if argument.type not in (b.DATE, b.TIMESTAMP, b.TIMESTAMPTZ) and not timed:
        raise site.wrong("a date or a timestamp", 0, "cast it in the dataset's SQL")
    return site.made(b.FLOAT64 if site.name == "epoch" else b.INT64)


UNITS = ("year", "quarter", "month", "day", "hour", "minute", "second")


def date_diff(site: Site) -> Bound:
    """``date_diff('day', a, b)``: how many boundaries of the unit lie between."""
    unit = site.arguments[0]
    name = str(unit.value).lower().removesuffix("s")
    if not unit.is_constant or name not in UNITS:
        units = ", ".join(f"'{known}'" for known in UNITS)
        raise Refused(Code.NOT_COMPILABLE, "`date_diff` needs a unit", unit.at, f"one of {units}")
    kind, moments = common(site, (1, 2))
    if kind not in (b.DATE, b.TIMESTAMP, b.TIMESTAMPTZ):
        raise site.wrong("dates or timestamps", 1, "cast it in the dataset's SQL")
    nullable = any(node.nullable for node in moments)
    return replace(site.made(b.INT64, moments, nullable), value=name)
