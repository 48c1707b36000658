"""Tokens of an expression in DuckDB's dialect, with their places."""

from __future__ import annotations

import re

from msgspec import Struct

from compiler.codes import Code
from compiler.features.problems import Refused
from compiler.features.tree import At

MAX_LENGTH = 20_000
"""Characters an expression may have."""

_TOKEN = re.compile(
    r"""
      (?P<space>(?:\s|--[^\n]*|/\*.*?\*/)+)
    | (?P<number>(?:[0-9][0-9_]*(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    | (?P<string>'(?:[^']|'')*')
    | (?P<quoted>"(?:[^"]|"")+")
    | (?P<word>[^\W\d][\w$]*)
    | (?P<operator>::|\|\||//|\*\*|<>|!=|<=|>=|==|[-+*/%^=<>(),.])
    """,
    re.VERBOSE | re.DOTALL,
)
_OTHER_SYNTAX = {
    "[": "lists", "]": "lists", "{": "structs", "}": "structs", "~": "regular expressions",
    "&": "bit operators", "|": "bit operators", "#": "positional columns", "@": "prefix operators",
    "!": "factorials", "$": "parameters", "?": "parameters", ":": "slices",
}  # fmt: skip


class Token(Struct, frozen=True):
    """``kind``: number, string, quoted, word (lower case), operator, end; ``raw`` as written."""

    kind: str
    text: str
    raw: str
    at: At


def tokens(text: str) -> list[Token]:
    """All tokens and a last one of kind ``end``; raises Refused (E303, E305)."""
    if len(text) > MAX_LENGTH:
        message = f"the expression has {len(text):,} characters, more than {MAX_LENGTH:,}"
        raise Refused(Code.EXPRESSION_SYNTAX, message, At(0, 1), "compute it in the dataset's SQL")
    found: list[Token] = []
    offset = 0
    while offset < len(text):
        match = _TOKEN.match(text, offset)
        if match is None:
            raise _unreadable(text, offset)
        if match.lastgroup != "space":
            found.append(_token(match))
        offset = match.end()
    found.append(Token("end", "", "", At(max(len(text.rstrip()) - 1, 0), 1)))
    return found


def _token(match: re.Match[str]) -> Token:
    kind, raw = str(match.lastgroup), match.group()
    at = At(match.start(), len(raw))
    if kind == "string":
        return Token(kind, raw[1:-1].replace("''", "'"), raw, at)
    if kind == "quoted":
        return Token(kind, raw[1:-1].replace('""', '"'), raw, at)
    return Token(kind, raw.lower() if kind == "word" else raw, raw, at)


def _unreadable(text: str, offset: int) -> Refused:
    character = text[offset]
    unclosed = {"'": "string", '"': "quoted name"}.get(character)
    if text.startswith("/*", offset):
        unclosed = "comment"
    if unclosed is not None:
        message = f"this {unclosed} is not closed"
        return Refused(Code.EXPRESSION_SYNTAX, message, At(offset, 1), "close it")
    if character in _OTHER_SYNTAX:
        message = f"`{character}` ({_OTHER_SYNTAX[character]}) cannot be compiled into a model"
        return Refused(Code.NOT_COMPILABLE, message, At(offset, 1))
    message = f"unexpected character {character!r}"
    return Refused(Code.EXPRESSION_SYNTAX, message, At(offset, 1), "remove it")
