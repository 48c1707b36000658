"""``modules``: files with blocks and inputs, read once however often they are used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec import Struct, field

from compiler.codes import Code
from compiler.diagnostics import Diagnostic, StackcError, did_you_mean
from compiler.load.expand.files import Folder
from compiler.load.expand.inputs import KEYS, Input
from compiler.load.layers import FileLayer
from compiler.source import Span
from specs.scaling import INPUT_TYPES, MODULES
from specs.stack import KINDS

USE_KEYS = ("use", "with", "for_each", "description", "owner", "tags")
_TOP = ("inputs", "description", *KINDS, MODULES)


class ModuleFile(Struct, frozen=True):
    """A module: where it was written, its blocks, and what it has to be given."""

    path: Path
    layer: FileLayer
    body: dict[str, Any]
    inputs: dict[str, Input]


class ModuleFiles(Struct):
    """The modules that were read so far."""

    folder: Folder
    known: dict[Path, ModuleFile] = field(default_factory=dict)

    def get(self, name: str, asked_at: Span | None) -> ModuleFile:
        """A module by the name of its file, relative to the spec's folder.

        Raises:
            StackcError: E102, E105 and E113 at who asked for it; in the file E101
                to E104, E110, E111, and E120 to E143 for what is no module.
        """
        path = self.folder.find(name, asked_at)
        if path not in self.known:
            self.known[path] = self._read(path, asked_at)
        return self.known[path]

    def _read(self, path: Path, asked_at: Span | None) -> ModuleFile:
        text, body = self.folder.read(path, asked_at)
        layer = FileLayer(text)
        if not isinstance(body, dict):
            span = text.span(0, text.line_end(0))
            message = f"`{text.name}` must be a mapping: `inputs`, and blocks by kind"
            raise StackcError(Diagnostic(Code.NOT_A_MAPPING, message, span=span))
        problems = [
            Diagnostic(
                Code.UNKNOWN_KEY,
                f"unknown key `{key}` of a module",
                span=layer.span((key,), key=True),
                help=did_you_mean(key, _TOP),
            )
            for key in body
            if key not in _TOP
        ]
        for kind in (*KINDS, MODULES, "inputs"):
            if not isinstance(body.get(kind), dict | None):
                message = f"`{kind}` must be a mapping of names"
                where = layer.span((kind,), key=True)
                problems.append(Diagnostic(Code.WRONG_TYPE, message, span=where))
        if problems:
            raise StackcError(*problems)
        return ModuleFile(path, layer, body, _declared(layer, body.get("inputs") or {}))


def _declared(layer: FileLayer, body: dict[str, Any]) -> dict[str, Input]:
    """The inputs that a module declares."""
    found: dict[str, Input] = {}
    problems: list[Diagnostic] = []

    def report(code: Code, message: str, *path: str, key: bool = False, known: Any = ()) -> None:
        span, helps = layer.span(("inputs", *path), key=key), did_you_mean(path[-1], known)
        problems.append(Diagnostic(code, message, span=span, help=helps))

    for name, given in body.items():
        if not isinstance(given, dict) or "type" not in given:
            message = f"the input `{name}` needs a type: `{name}: {{type: text}}`"
            report(Code.MODULE, message, name, key=True)
            continue
        for key in given:
            if key not in KEYS:
                report(Code.UNKNOWN_KEY, f"unknown key `{key}`", name, key, key=True, known=KEYS)
        if given["type"] not in INPUT_TYPES:
            span = layer.span(("inputs", name, "type"))
            message = f"an input cannot be of the type `{given['type']}`"
            helps = did_you_mean(str(given["type"]), INPUT_TYPES)
            problems.append(Diagnostic(Code.MODULE, message, span=span, help=helps))
            continue
        made = Input(name, given["type"], given.get("default"), "default" not in given)
        wrong = None if made.default is None else made.problem(made.default)
        if wrong:
            report(Code.MODULE, f"the default of {wrong}", name, "default")
        found[name] = made
    if problems:
        raise StackcError(*problems)
    return found
