"""Takes a text with ``${...}`` apart."""

from __future__ import annotations

import re

from msgspec import Struct

RESOLVERS = ("env", "secret")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z", re.ASCII)
_RESOLVER = re.compile(r"\s*([A-Za-z_][\w.]*)\s*:(.*)\Z", re.DOTALL)


class PieceError(Exception):
    """A ``${`` that is none of the known forms, at an offset of the text."""

    def __init__(self, message: str, start: int, end: int, help: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message, self.start, self.end, self.help = message, start, end, help


class Piece(Struct, frozen=True):
    """A stretch of a text: literal, or an interpolation.

    ``resolver`` is None for literal text, ``"reference"`` for ``${a.b}``, else
    the resolver's name; ``body`` is the literal text, the reference or the
    resolver's argument; ``body_start`` is where the body stands in the text.
    """

    start: int
    end: int
    resolver: str | None
    body: str
    body_start: int


def split_pieces(text: str) -> list[Piece]:
    """The pieces of a text, in order and without gaps.

    Raises:
        PieceError: An interpolation that is not closed, is nested or is empty.
    """
    pieces: list[Piece] = []
    at = 0
    while at < len(text):
        found = text.find("${", at)
        if found < 0:
            pieces.append(Piece(at, len(text), None, text[at:], at))
            break
        escaped = found > at and text[found - 1] == "$"
        literal_end = found - 1 if escaped else found
        if literal_end > at:
            pieces.append(Piece(at, literal_end, None, text[at:literal_end], at))
        if escaped:
            pieces.append(Piece(found - 1, found + 2, None, "${", found))
            at = found + 2
            continue
        piece = _interpolation(text, found)
        pieces.append(piece)
        at = piece.end
    return pieces


def valid_name(name: str) -> bool:
    """Whether an environment variable or secret may be called so."""
    return len(name) <= 200 and _NAME.match(name) is not None


def _interpolation(text: str, start: int) -> Piece:
    close = text.find("}", start)
    if close < 0:
        way_out = ("close it with `}`", "write `$${` where the text itself holds `${`")
        raise PieceError("this `${` is never closed", start, start + 2, way_out)
    nested = text.find("${", start + 2, close)
    if nested >= 0:
        message = "an interpolation cannot hold another one"
        raise PieceError(message, nested, nested + 2, ("name the value directly",))
    body = text[start + 2 : close]
    match = _RESOLVER.match(body)
    if match is None:
        lead = len(body) - len(body.lstrip())
        if not body.strip():
            raise PieceError("this interpolation is empty", start, close + 1)
        return Piece(start, close + 1, "reference", body.strip(), start + 2 + lead)
    return Piece(start, close + 1, match[1], match[2], start + 2 + match.start(2))
