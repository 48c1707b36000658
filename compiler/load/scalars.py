"""What a plain YAML scalar means: the YAML 1.2 core types, and nothing that surprises."""

from __future__ import annotations

import math
import re
from typing import TypeAlias

Scalar: TypeAlias = str | int | float | bool | None

MIN_INT, MAX_INT = -(2**63), 2**64 - 1
_STARTS = frozenset("-+.0123456789tTfFnN~")
_WORDS: dict[str, Scalar] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z", re.ASCII)
_BASED = re.compile(r"0x[0-9a-fA-F]+\Z|0o[0-7]+\Z", re.ASCII)
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z", re.ASCII
)


def plain_scalar(text: str) -> Scalar:
    """The value of an unquoted scalar.

    ``no``, ``on``, dates, ``012``, ``1_000`` and ``1:30`` are text: another
    reader of YAML might take them for something else, so none is guessed.

    Raises:
        OverflowError: A number that does not fit 64 bits.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _STARTS:
        return text
    if _INTEGER.match(text):
        return _integer(text, 10)
    if _BASED.match(text):
        return _integer(text[2:], 16 if text[1] == "x" else 8)
    if _FLOAT.match(text):
        number = float(text)
        if math.isinf(number):
            raise OverflowError(text)
        return number
    return text


def _integer(digits: str, base: int) -> int:
    if len(digits) > 80:
        raise OverflowError(digits)
    number = int(digits, base)
    if not MIN_INT <= number <= MAX_INT:
        raise OverflowError(digits)
    return number
