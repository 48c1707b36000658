"""Loading: a spec's file, config groups and overrides become one plain, located config."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from msgspec import Struct

from compiler.codes import Code
from compiler.diagnostics import Diagnostic, Place, StackcError, fail
from compiler.load.assign import MISSING, missing
from compiler.load.command import CommandLine
from compiler.load.compose import Composition, compose, search_folders
from compiler.load.layers import FileLayer
from compiler.load.mend import mended
from compiler.load.parse import parse
from compiler.load.provenance import Provenance, locate
from compiler.load.resolve import Resolver
from compiler.load.text import Text, read_text, shown
from compiler.source import COMMAND_LINE, Sources

__all__ = ["Loaded", "Provenance", "load", "locate"]

_BACKENDS = "backends"


class Loaded(Struct, frozen=True):
    """A spec as data.

    Attributes:
        config: The spec's body, composed and interpolated: plain Python values.
        backends: The composed ``backends`` group; empty means all defaults.
        provenance: Where each value was written.
        root: The spec's folder, resolved; relative paths start there.
        sources: The texts that diagnostics quote.
    """

    config: dict[str, Any]
    backends: dict[str, Any]
    provenance: Provenance
    root: Path
    sources: Sources


def load(
    spec: Path,
    overrides: Sequence[str] = (),
    config_dirs: Sequence[Path] = (),
    *,
    sources: Sources | None = None,
    name: str = COMMAND_LINE,
) -> Loaded:
    """Read, compose and interpolate a spec.

    Args:
        spec: The spec's file.
        overrides: Overrides in Hydra's grammar, as typed.
        config_dirs: Folders with config groups, besides ``conf/`` beside the spec.
        sources: Where the texts that findings quote are kept.
        name: What findings call the command line.

    Raises:
        StackcError: E101 to E111, E120; every finding has a span, and the error
            carries the texts to quote.
    """
    sources = sources if sources is not None else Sources()
    command = CommandLine(spec, overrides, config_dirs, name)
    sources.add(name, command.text.content)
    try:
        text = read_text(spec, shown(spec), command.spec)
        root = spec.resolve().parent
        body = _body(text)
        composition = compose(text, body, command, search_folders(root, config_dirs, command))
        return _resolved(composition, root, sources)
    except StackcError as error:
        found = StackcError(*(mended(d, partial(_file, sources)) for d in error.diagnostics))
        found.sources = sources
        raise found from error


def _file(sources: Sources, name: str) -> Text | None:
    content = sources.file(name)
    return None if content is None else Text(name, content)


def _body(text: Text) -> dict[str, Any]:
    body = parse(text)
    if not isinstance(body, dict):
        what = "is empty" if body is None else "must be a mapping of keys to values"
        raise fail(
            Code.NOT_A_MAPPING,
            f"`{text.name}` {what}",
            span=text.span(0, text.line_end(0)),
            help="a spec begins with `stackc: 1` and a `name`; `stackc init` writes a first one",
        )
    if _BACKENDS in body:
        place = Provenance((FileLayer(text),)).span(Place((_BACKENDS,), key=True))
        raise fail(
            Code.UNKNOWN_KEY,
            "backends are not part of a spec",
            span=place,
            help="choose them on the command line: `backends=local`, `backends/version=local`",
        )
    return body


def _resolved(composition: Composition, root: Path, sources: Sources) -> Loaded:
    config = composition.config
    for name, content in composition.packaged:
        sources.add(name, content)
    provenance = Provenance(composition.layers)
    backends = config.pop(_BACKENDS, None)
    if backends is not None and not isinstance(backends, dict):
        place = provenance.span(Place((_BACKENDS,)))
        raise fail(Code.WRONG_TYPE, "`backends` is a mapping of capabilities", span=place)
    if composition.mentions(MISSING):
        _refuse_missing({**config, _BACKENDS: backends}, provenance)
    if composition.mentions("${"):
        in_config = Resolver(config, os.environ, provenance.written)
        in_all = Resolver({**config, _BACKENDS: backends}, os.environ, provenance.written)
        provenance.resolver = in_all
        config = in_config.resolve(config)
        backends = in_all.resolve(backends, (_BACKENDS,))
        findings = (*in_config.findings, *in_all.findings)
        if findings:
            raise StackcError(*locate(findings, provenance))
    return Loaded(config, backends or {}, provenance, root, sources)


def _refuse_missing(config: dict[str, Any], provenance: Provenance) -> None:
    findings = [
        Diagnostic(
            Code.OVERRIDE,
            f"`{'.'.join(map(str, path))}` has to be given",
            Place(path),
            help=(f"add `{'.'.join(map(str, path))}=...` to the command line",),
        )
        for path in missing(config)
    ]
    if findings:
        raise StackcError(*locate(findings, provenance))
