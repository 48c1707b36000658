"""How calls over numbers are typed."""

from __future__ import annotations

from dataclasses import replace

from compiler.codes import Code
from compiler.features import bound as b
from compiler.features.bound import Bound, coerce
from compiler.features.problems import Refused
from compiler.features.rules import NO_ORDER, Site, common, numeric
from compiler.graph.types import DataType


def arithmetic(site: Site) -> Bound:
    """``+ - * %``: the wider type; dates count days."""
    if b.DATE in (site.arguments[0].type, site.arguments[1].type):
        return _days(site)
    left, right = numeric(site, 0), numeric(site, 1)
    kind = _arithmetic_type(Site(site.call, (left, right)))
    return site.made(kind, (coerce(left, kind), coerce(right, kind)))


def _arithmetic_type(site: Site) -> DataType:
    kind, _ = common(site, (0, 1))
    if kind.is_decimal:
        return _decimal_result(site, kind)
    flexible = any(argument.op == "literal" for argument in site.arguments)
    if kind.is_integer and not flexible and kind not in [a.type for a in site.arguments]:
        return b.INT64
    return kind


def _decimal_result(site: Site, kind: DataType) -> DataType:
    digits, scale = b.precision(kind)
    if site.name == "*":
        (p1, s1), (p2, s2) = (b.precision(argument.type) for argument in site.arguments)
        return b.decimal(p1 + p2, s1 + s2)
    return kind if site.name == "%" else b.decimal(digits + 1, scale)


def _days(site: Site) -> Bound:
    left, right = site.arguments
    if site.name == "-" and right.type == left.type == b.DATE:
        return site.made(b.INT64)
    shifted, place = (left, 1) if left.type == b.DATE else (right, 0)
    days = site.arguments[place]
    backwards = site.name == "-" and place == 0
    if site.name not in ("+", "-") or backwards or not days.type.is_integer:
        raise site.wrong("whole days beside a date", place, "write `d + 1`, or date_diff()")
    return site.made(shifted.type)


def division(site: Site) -> Bound:
    """``/``: always a floating point number."""
    left, right = numeric(site, 0), numeric(site, 1)
    kind, _ = common(Site(site.call, (left, right)), (0, 1))
    result = b.FLOAT32 if kind == b.FLOAT32 else b.FLOAT64
    return site.made(result, (coerce(left, result), coerce(right, result)))


def whole_division(site: Site) -> Bound:
    """``//``: integers truncate; other numbers divide."""
    left, right = numeric(site, 0), numeric(site, 1)
    if left.type.is_integer and right.type.is_integer:
        return arithmetic(site)
    return division(site)


def same_number(site: Site) -> Bound:
    """A number of the argument's own type: ``-x``, ``abs``."""
    argument = numeric(site, 0)
    return site.made(argument.type, (argument,))


def rounded(site: Site) -> Bound:
    """``floor`` and ``ceil``: integers become doubles, others keep their type."""
    argument = numeric(site, 0)
    if argument.type.is_integer:
        argument = coerce(argument, b.FLOAT64)
    kind = argument.type
    if kind.is_decimal:
        kind = b.decimal(b.precision(kind)[0], 0)
    return site.made(kind, (argument,))


def round_to(site: Site) -> Bound:
    """``round``: half away from zero, to a constant number of digits."""
    argument = numeric(site, 0)
    digits = site.arguments[1] if len(site.arguments) == 2 else None
    if digits is not None and (not digits.is_constant or not digits.type.is_integer):
        raise site.wrong("a whole number written out", 1, "for example `round(x, 2)`")
    places = int(digits.value or 0) if digits is not None else 0
    if argument.type.is_integer and places < 0:
        message = "rounding an integer to tens cannot be compiled into a model"
        raise Refused(Code.NOT_COMPILABLE, message, site.call.at, "write `x // 10 * 10`")
    if abs(places) > 300:
        raise site.wrong("at most 300 digits", 1)
    kind = b.decimal(b.precision(argument.type)[0], places) if argument.type.is_decimal else None
    made = site.made(kind or argument.type, (argument,), argument.nullable)
    return replace(made, value=places)


def real(site: Site) -> Bound:
    """Functions of doubles: ``ln``, ``sqrt``, ``pow``."""
    places = range(len(site.arguments))
    return site.made(b.FLOAT64, (coerce(numeric(site, i), b.FLOAT64) for i in places))


def sign(site: Site) -> Bound:
    """``sign``: -1, 0 or 1."""
    return site.made(DataType("int8"), (numeric(site, 0),))


def number_test(site: Site) -> Bound:
    """``isnan`` and its kin."""
    return site.made(b.BOOL, (numeric(site, 0),))


def extreme(site: Site) -> Bound:
    """``least`` and ``greatest``: nulls are passed over."""
    kind, arguments = common(site, range(len(site.arguments)))
    if kind in (b.STRING, b.BOOL):
        raise site.wrong("numbers or dates", 0, NO_ORDER)
    if not (kind.is_numeric or kind.is_temporal or kind == b.NULL):
        raise site.wrong("numbers or dates", 0)
    kind = b.INT32 if kind == b.NULL else kind
    nullable = all(argument.nullable for argument in arguments)
    return site.made(kind, (coerce(a, kind) for a in arguments), nullable)
