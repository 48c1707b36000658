"""Interpolation: ``${a.b}``, ``${env:NAME}``, ``${env:NAME,default}``, ``${secret:NAME}``.

Inside of a block with ``for_each`` also ``${each.key}`` and ``${each.value}``, inside
of a module ``${input.NAME}``.

The list of resolvers is closed. References are followed on plain values; what
they may repeat is bounded. A secret stays the text ``${secret:NAME}``: its value
is looked up by the worker that needs it, and by nobody before.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias

from compiler.codes import Code
from compiler.diagnostics import Diagnostic, did_you_mean
from compiler.load.assign import split_key
from compiler.load.parse import MAX_NODES
from compiler.load.pieces import RESOLVERS, Piece, PieceError, split_pieces, valid_name
from compiler.load.text import MAX_BYTES, MAX_DEPTH
from compiler.source import Span

Path: TypeAlias = tuple[str | int, ...]
Locate: TypeAlias = Callable[[Path, int, int], Span | None]
"""The span of a stretch (start, end) of the text at a path, as it was written."""

MAX_CHAIN = 40
_OPEN = "${" + "secret:"
SCOPED = {"each": "inside of a block with `for_each`", "input": "inside of a module"}
"""Words that are no part of the spec, and where they stand for something."""


class _Problem(PieceError):
    """What is wrong with one piece, with the code to report."""

    def __init__(
        self,
        message: str,
        piece: Piece,
        help: tuple[str, ...] = (),
        code: Code = Code.INTERPOLATION,
    ) -> None:
        super().__init__(message, piece.start, piece.end, help)
        self.code = code


class _Elsewhere(_Problem):
    """A text that has a value only inside of its own block, reached from outside."""


class Resolver:
    """Resolves the interpolations of a config; findings are collected in ``findings``.

    Args:
        root: What references are looked up in, as composed.
        environment: The environment variables.
        locate: Finds the place of a finding.
        names: What ``each`` and ``input`` stand for, where they stand for something.
        homes: The paths of the blocks that know ``each``.
    """

    def __init__(
        self,
        root: dict[str, Any],
        environment: Mapping[str, str],
        locate: Locate,
        names: Mapping[str, Any] | None = None,
        homes: Collection[Path] = (),
    ) -> None:
        self._names = names or {}
        self._homes = homes
        self.findings: list[Diagnostic] = []
        self._root = root
        self._environment = environment
        self._locate = locate
        self._done: dict[Path, tuple[Any, int]] = {}
        self._height = 0
        self._chain: list[Path] = []
        self._reported: set[tuple[Path, int]] = set()
        self._nodes = 0
        self._characters = 0

    def resolve(self, value: Any, path: Path = ()) -> Any:
        """The value with its interpolations replaced; shares what did not change."""
        return self._value(value, list(path))

    def segments(self, raw: str) -> list[tuple[int, int, str]]:
        """The stretches of a text as written, each with the text it became."""
        return [(p.start, p.end, _as_text(self._piece(p))) for p in split_pieces(raw)]

    def _value(self, value: Any, path: list[str | int]) -> Any:
        kind = type(value)
        if kind is str:
            return self._text(value, tuple(path)) if "${" in value else value
        if kind is not dict and kind is not list:
            return value
        changed: Any = None
        for key, item in value.items() if kind is dict else enumerate(value):
            path.append(key)
            new = self._value(item, path)
            path.pop()
            if new is not item:
                changed = value.copy() if changed is None else changed
                changed[key] = new
        return value if changed is None else changed

    def _text(self, raw: str, path: Path) -> Any:
        try:
            pieces = split_pieces(raw)
            if len(pieces) == 1 and pieces[0].resolver is not None:
                return self._copied(self._piece(pieces[0]), len(path), pieces[0])
            parts = [self._embedded(piece) for piece in pieces]
            text = "".join(parts)
            self._characters += len(text)
            self._bound(pieces[-1])
            if text.count(_OPEN) != sum(part.count(_OPEN) for part in parts):
                message = "a text that reads like a secret can only be a secret"
                raise _Problem(message, pieces[0])
            return raw if text == raw else text
        except _Elsewhere:
            raise  # it is told at who refers to the text
        except PieceError as problem:
            self._report(problem, path)
        except RecursionError:
            if self._chain:
                raise
            self._report(PieceError("references nest too deep", 0, len(raw)), path)
        return raw

    def _report(self, problem: PieceError, path: Path) -> None:
        if (path, problem.start) in self._reported:
            return
        self._reported.add((path, problem.start))
        code = problem.code if isinstance(problem, _Problem) else Code.INTERPOLATION
        span = self._locate(path, problem.start, problem.end)
        self.findings.append(Diagnostic(code, problem.message, span=span, help=problem.help))

    def _embedded(self, piece: Piece) -> str:
        value = self._piece(piece)
        if isinstance(value, dict | list):
            kind = "a mapping" if isinstance(value, dict) else "a list"
            raise _Problem(f"`{piece.body}` is {kind} and cannot stand inside of a text", piece)
        return _as_text(value)

    def _piece(self, piece: Piece) -> Any:
        if piece.resolver is None:
            return piece.body
        if piece.resolver == "reference":
            return self._reference(piece)
        if piece.resolver == "env":
            return self._variable(piece)
        if piece.resolver == "secret":
            return self._secret(piece)
        known = did_you_mean(piece.resolver, RESOLVERS)
        raise _Problem(f"there is no resolver `{piece.resolver}`", piece, known)

    def _secret(self, piece: Piece) -> str:
        name = piece.body.strip()
        if not valid_name(name):
            raise _Problem(f"`{name}` is not the name of a secret", piece, _NAME_RULE)
        return f"{_OPEN}{name}}}"

    def _variable(self, piece: Piece) -> str:
        name, comma, default = piece.body.partition(",")
        name = name.strip()
        if not valid_name(name):
            raise _Problem(f"`{name}` is not the name of a variable", piece, _NAME_RULE)
        value = self._environment.get(name)
        if value is None:
            if comma:
                return default.strip()
            way_out = f"set it, or give a default: `${{env:{name},default}}`"
            raise _Problem(f"the environment variable `{name}` is not set", piece, (way_out,))
        if _OPEN in value or (not value.isascii() and not _is_utf8(value)):
            raise _Problem(f"the value of the variable `{name}` cannot be used here", piece)
        return value

    def _reference(self, piece: Piece) -> Any:
        parts = split_key(piece.body)
        if piece.body.startswith(".") or not parts:
            way_out = ("references start at the top: `${models.late.target}`",)
            raise _Problem(f"`{piece.body}` is not a reference", piece, way_out)
        if parts[0] in SCOPED:
            return self._scoped(parts, piece)
        try:
            return self._followed(parts, piece)
        except _Elsewhere as problem:
            raise _Problem(problem.message, piece, problem.help) from None

    def _followed(self, parts: tuple[str, ...], piece: Piece) -> Any:
        value: Any = self._root
        path: Path = ()
        resolved = False
        for part in parts:
            if isinstance(value, str) and "${" in value and not resolved:
                value, resolved = self._target(value, path, piece), True
            value, path = _step(value, part, path, piece)
        return value if resolved else self._target(value, path, piece)

    def _scoped(self, parts: tuple[str, ...], piece: Piece) -> Any:
        """What ``each`` or ``input`` stands for here."""
        word = parts[0]
        elsewhere = word == "each" and self._chain and self._chain[-1][:2] not in self._homes
        if elsewhere:
            block = _dotted(self._chain[-1][:2])
            message = f"`{_dotted(self._chain[-1])}` has a value for each instance of `{block}`"
            way_out = ("nothing outside of the block can refer to it: write the value out here",)
            raise _Elsewhere(message, piece, way_out)
        if word not in self._names:
            raise _Problem(f"`{word}` is known only {SCOPED[word]}", piece)
        if len(parts) == 1:
            ways = did_you_mean("", self._names[word])
            raise _Problem(f"`{word}` is no value: name one inside of it", piece, ways)
        value: Any = self._names
        path: Path = ()
        for part in parts:
            value, path = _step(value, part, path, piece)
        return value

    def _target(self, value: Any, path: Path, piece: Piece) -> Any:
        if path in self._chain:
            circle = [*self._chain[self._chain.index(path) :], path]
            names = " → ".join(map(_dotted, circle))
            message = f"this reference leads back to itself: {names}"
            raise _Problem(message, piece, (), Code.INTERPOLATION_CYCLE)
        if path not in self._done and len(self._chain) <= MAX_CHAIN:
            outer, self._height = self._height, 0
            self._chain.append(path)
            try:
                self._done[path] = (self._value(value, list(path)), self._height + 1)
            finally:
                self._chain.pop()
                self._height = outer
        found, height = self._done.get(path, (None, MAX_CHAIN + 1))
        if height > MAX_CHAIN:
            message = f"a chain of more than {MAX_CHAIN} references"
            raise _Problem(message, piece, (), Code.YAML_BOUNDS)
        self._height = max(self._height, height)
        return found

    def _copied(self, value: Any, depth: int, piece: Piece) -> Any:
        self._nodes += 1
        if isinstance(value, str):
            self._characters += len(value)
        self._bound(piece)
        if depth > MAX_DEPTH:
            message = f"nested deeper than {MAX_DEPTH} levels"
            raise _Problem(message, piece, (), Code.YAML_BOUNDS)
        if isinstance(value, dict):
            return {key: self._copied(item, depth + 1, piece) for key, item in value.items()}
        if isinstance(value, list):
            return [self._copied(item, depth + 1, piece) for item in value]
        return value

    def _bound(self, piece: Piece) -> None:
        if self._nodes > MAX_NODES or self._characters > MAX_BYTES:
            raise _Problem("references repeat too much", piece, (), Code.YAML_BOUNDS)


_NAME_RULE = ("letters, digits and `_`, not beginning with a digit",)


def _step(value: Any, part: str, path: Path, piece: Piece) -> tuple[Any, Path]:
    if isinstance(value, dict) and part in value:
        return value[part], (*path, part)
    if isinstance(value, list) and part.isascii() and part.isdecimal() and int(part) < len(value):
        return value[int(part)], (*path, int(part))
    where = f"`{_dotted(path)}`" if path else "the spec"
    known = did_you_mean(part, value) if isinstance(value, dict) else ()
    raise _Problem(f"{where} has no `{part}`", piece, known)


def _dotted(path: Path) -> str:
    return ".".join(map(str, path))


def _is_utf8(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _as_text(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
