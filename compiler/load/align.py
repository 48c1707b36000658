"""Maps characters of a text value back to the characters that were written for it."""

from __future__ import annotations

import re

_ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
_CONTINUATION = re.compile(r"\\\r?\n[ \t]*")
_SHORT = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "\t": "\t", "n": "\n", "v": "\v", "f": "\f",
    "r": "\r", "e": "\x1b", "N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029",
}  # fmt: skip


class Alignment:
    """Where each character of a scalar's value stands in its raw text.

    Line folding, indentation and chomping only add or remove blanks, so the
    visible characters of value and raw text agree in order; escapes and
    doubled quotes are stepped over. Blanks are placed behind the visible
    character before them.
    """

    def __init__(self, raw: str, value: str, style: str | None) -> None:
        self._raw = raw
        self._double = style == '"'
        self._single = style == "'"
        self._at = _header(raw) if style in ("|", ">") else int(self._double or self._single)
        self._starts: list[int] = []
        self._ends: list[int] = []
        for character in value:
            self._step(character)

    def stretch(self, offset: int, length: int) -> tuple[int, int]:
        """The raw start and end of a stretch of the value; the nearest there is."""
        if not self._starts:
            return 0, max(len(self._raw), 1)
        first = min(max(offset, 0), len(self._starts) - 1)
        last = min(first + max(length, 1), len(self._starts)) - 1
        start, end = self._starts[first], self._ends[last]
        line_end = self._raw.find("\n", start)
        return start, end if line_end < 0 else min(end, max(line_end, start + 1))

    def _step(self, character: str) -> None:
        at = self._continued(self._at)
        if character.isspace() and not self._written(character, at):
            self._put(at, at)
            return
        if not character.isspace():
            at = self._next_visible(at)
        self._put(at, at + self._written_length(at))

    def _put(self, start: int, end: int) -> None:
        limit = max(len(self._raw) - 1, 0)
        self._starts.append(min(start, limit))
        self._ends.append(min(end, len(self._raw)))
        self._at = max(self._at, end)

    def _written(self, character: str, at: int) -> bool:
        if self._double and self._raw[at : at + 1] == "\\":
            return _unescaped(_ESCAPE.match(self._raw, at)) == character
        return self._raw[at : at + 1] == character

    def _written_length(self, at: int) -> int:
        if self._double and self._raw[at : at + 1] == "\\":
            match = _ESCAPE.match(self._raw, at)
            return match.end() - at if match else 1
        return 2 if self._single and self._raw[at : at + 2] == "''" else 1

    def _next_visible(self, at: int) -> int:
        raw = self._raw
        while at < len(raw):
            continued = self._continued(at)
            if continued == at and not raw[at].isspace():
                break
            at = max(continued, at + int(raw[at].isspace()))
        return at

    def _continued(self, at: int) -> int:
        """Behind an escaped line break and the indentation after it, which stand for nothing."""
        match = _CONTINUATION.match(self._raw, at) if self._double else None
        return match.end() if match else at


def _header(raw: str) -> int:
    """The length of ``|2-  # comment`` and its line end."""
    return raw.find("\n") + 1


def _unescaped(match: re.Match[str] | None) -> str | None:
    if match is None:
        return None
    body = match.group()[1:]
    if len(body) > 1:
        return chr(int(body[1:], 16))
    return _SHORT.get(body, body)
