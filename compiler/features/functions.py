"""The functions and operators that compile into a model: one row each."""

from __future__ import annotations

from functools import cache
from importlib import resources

from msgspec import Struct

from compiler.features import rules_numbers as n
from compiler.features import rules_values as v
from compiler.features.rules import Rule
from compiler.features.words import ALIASES, NOT_CALLED


class Function(Struct, frozen=True):
    """One row of the table.

    Attributes:
        name: The name in the tree.
        usage: How it is written, for the reference.
        least: The fewest arguments.
        most: The most, or None for any number.
        rule: How a call is typed.
        nulls: What it does about nulls, and what is special, for the reference.
    """

    name: str
    usage: str
    least: int
    most: int | None
    rule: Rule
    nulls: str


_ANY = "null with null"
_OVERFLOW = "null with null, and where an int64 overflows"
_ROWS = [
    ("or", "`a or b`", 2, 2, v.logic, "true with true, else null with null"),
    ("and", "`a and b`", 2, 2, v.logic, "false with false, else null with null"),
    ("not", "`not a`", 1, 1, v.logic, _ANY),
    ("=", "`a = b`, `a == b`", 2, 2, v.comparison, "null with null; NaN equals NaN"),
    ("<>", "`a <> b`, `a != b`", 2, 2, v.comparison, "null with null; NaN equals NaN"),
    ("<", "`a < b`", 2, 2, v.comparison, "null with null; NaN is above all"),
    ("<=", "`a <= b`", 2, 2, v.comparison, "null with null; NaN is above all"),
    (">", "`a > b`", 2, 2, v.comparison, "null with null; NaN is above all"),
    (">=", "`a >= b`", 2, 2, v.comparison, "null with null; NaN is above all"),
    ("between", "`x between a and b`", 3, 3, v.comparison, "as `x >= a and x <= b`"),
    ("in", "`x in (a, b, ...)`", 2, None, v.comparison, "as `x = a or x = b or ...`"),
    ("is null", "`x is null`, `x is not null`", 1, 1, v.null_test, "never null; NaN is no null"),
    ("is true", "`x is true`", 1, 1, v.logic, "never null"),
    ("is false", "`x is false`", 1, 1, v.logic, "never null"),
    ("is distinct from", "`a is distinct from b`", 2, 2, v.comparison, "null equals null"),
    ("+", "`a + b`", 2, 2, n.arithmetic, _OVERFLOW + "; a date and days give a date"),
    ("-", "`a - b`", 2, 2, n.arithmetic, _OVERFLOW + "; two dates give days"),
    ("*", "`a * b`", 2, 2, n.arithmetic, _OVERFLOW),
    ("/", "`a / b`", 2, 2, n.division, "null with null; by zero ±inf or NaN"),
    ("//", "`a // b`", 2, 2, n.whole_division,
     "null with null and by zero; integers truncate towards zero, other numbers divide as `/`"),
    ("%", "`a % b`, `mod(a, b)`", 2, 2, n.arithmetic,
     "null with null; the sign of `a`; by zero null for integers, NaN for others"),
    ("negate", "`-x`", 1, 1, n.same_number, _OVERFLOW),
    ("pow", "`pow(a, b)`, `power(a, b)`, `a ^ b`, `a ** b`", 2, 2, n.real, "null with null; "
     "a negative number to a fraction is NaN"),
    ("abs", "`abs(x)`", 1, 1, n.same_number, _OVERFLOW),
    ("sign", "`sign(x)`", 1, 1, n.sign, "null with null; 0 for NaN"),
    ("floor", "`floor(x)`", 1, 1, n.rounded, _ANY),
    ("ceil", "`ceil(x)`, `ceiling(x)`", 1, 1, n.rounded, _ANY),
    ("round", "`round(x)`, `round(x, 2)`", 1, 2, n.round_to, "null with null; half away from zero"),
    ("sqrt", "`sqrt(x)`", 1, 1, n.real, "null with null; NaN below zero"),
    ("exp", "`exp(x)`", 1, 1, n.real, "null with null; inf where it overflows"),
    ("ln", "`ln(x)`", 1, 1, n.real, "null with null; -inf at zero, NaN below"),
    ("log10", "`log10(x)`, `log(x)`", 1, 1, n.real, "null with null; -inf at zero, NaN below"),
    ("log2", "`log2(x)`", 1, 1, n.real, "null with null; -inf at zero, NaN below"),
    ("isnan", "`isnan(x)`", 1, 1, n.number_test, _ANY),
    ("isinf", "`isinf(x)`", 1, 1, n.number_test, _ANY),
    ("isfinite", "`isfinite(x)`", 1, 1, n.number_test, _ANY),
    ("least", "`least(a, b, ...)`", 1, None, n.extreme, "passes over nulls; NaN is above all"),
    ("greatest", "`greatest(a, b, ...)`", 1, None, n.extreme,
     "passes over nulls; NaN is above all"),
    ("case", "`case when c then v ... else e end`, `if(c, v, e)`", 3, None, v.case,
     "a null condition does not hold; null without `else`"),
    ("switch", "`case x when a then v ... else e end`", 4, None, v.switch,
     "a null equals nothing; null without `else`"),
    ("coalesce", "`coalesce(a, b, ...)`, `ifnull(a, b)`", 1, None, v.coalesce,
     "null where all are; NaN is no null"),
    ("nullif", "`nullif(a, b)`", 2, 2, v.nullif, "null where both are equal"),
    ("like", "`s like 'a%_'`, `s not like ...`", 2, 2, v.pattern, "null with null; case matters"),
    ("starts_with", "`starts_with(s, 'a')`, `prefix(s, 'a')`", 2, 2, v.pattern, _ANY),
    ("ends_with", "`ends_with(s, 'a')`, `suffix(s, 'a')`", 2, 2, v.pattern, _ANY),
    ("contains", "`contains(s, 'a')`", 2, 2, v.pattern, _ANY),
    ("||", "`a || b`", 2, 2, v.joined, _ANY),
    ("concat", "`concat(a, b, ...)`", 1, None, v.concat, "passes over nulls; never null"),
    ("year", "`year(d)`, `extract(year from d)`, `date_part('year', d)`", 1, 1, v.date_part, _ANY),
    ("quarter", "`quarter(d)`", 1, 1, v.date_part, _ANY),
    ("month", "`month(d)`", 1, 1, v.date_part, _ANY),
    ("week", "`week(d)`, `weekofyear(d)`", 1, 1, v.date_part, "null with null; the ISO week"),
    ("day", "`day(d)`, `dayofmonth(d)`", 1, 1, v.date_part, _ANY),
    ("dayofweek", "`dayofweek(d)`, `weekday(d)`", 1, 1, v.date_part, "null with null; Sunday is 0"),
    ("isodow", "`isodow(d)`", 1, 1, v.date_part, "null with null; Monday is 1, Sunday 7"),
    ("dayofyear", "`dayofyear(d)`", 1, 1, v.date_part, _ANY),
    ("hour", "`hour(t)`", 1, 1, v.date_part, _ANY),
    ("minute", "`minute(t)`", 1, 1, v.date_part, _ANY),
    ("second", "`second(t)`", 1, 1, v.date_part, "null with null; whole seconds of the minute"),
    ("millisecond", "`millisecond(t)`", 1, 1, v.date_part, "null with null; of the minute"),
    ("microsecond", "`microsecond(t)`", 1, 1, v.date_part, "null with null; of the minute"),
    ("epoch", "`epoch(t)`", 1, 1, v.date_part, "null with null; seconds since 1970 as a double"),
    ("date_diff", "`date_diff('day', a, b)`, `datediff(...)`", 3, 3, v.date_diff,
     "null with null; boundaries between a and b: " + ", ".join(v.UNITS)),
]  # fmt: skip
FUNCTIONS = {row[0]: Function(*row) for row in _ROWS}
"""Every operator and function by its name in the tree."""


def callable_names() -> frozenset[str]:
    """Names that can be written before a parenthesis, for a did-you-mean."""
    words = {name for name in FUNCTIONS if name.isidentifier()}
    forms = {"cast", "try_cast", "extract", "date_part", "if", "mod"}
    return frozenset((words | forms | set(ALIASES)) - NOT_CALLED)


@cache
def known_to_duckdb() -> frozenset[str]:
    """Names of DuckDB's own functions, so that a foreign one is told from a misspelt one."""
    names = resources.files("compiler.features").joinpath("duckdb_functions.txt")
    return frozenset(names.read_text("utf-8").split())
