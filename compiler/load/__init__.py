"""Loading: a spec's file, config groups and overrides become one plain, located config."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from compiler.codes import Code
from compiler.diagnostics import Diagnostic, Place, StackcError, fail
from compiler.load.assign import MISSING, missing
from compiler.load.chunks import Chunks
from compiler.load.command import CommandLine
from compiler.load.compose import Composition, compose, search_folders
from compiler.load.expand.expansion import expand, scales
from compiler.load.expand.files import Folder
from compiler.load.expand.include import INCLUDE, take_include
from compiler.load.layers import FileLayer
from compiler.load.mend import mended
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
        aliases: For datasets of modules what the tables are called that their SQL names.
        composed: The config before anything was expanded or interpolated.
        root: The spec's folder, resolved; relative paths start there.
        sources: The texts that diagnostics quote.
        own: The spec's own file, and those that it includes.
        environment: The environment that was merged over the spec.
        environments: The names of all that the spec has.
    """

    config: dict[str, Any]
    backends: dict[str, Any]
    provenance: Provenance
    root: Path
    sources: Sources
    aliases: dict[str, dict[str, str]]
    composed: dict[str, Any]
    own: tuple[FileLayer, ...] = ()
    environment: str | None = None
    environments: tuple[str, ...] = ()


def load(
    spec: Path,
    overrides: Sequence[str] = (),
    config_dirs: Sequence[Path] = (),
    *,
    environment: str | None = None,
    sources: Sources | None = None,
    name: str = COMMAND_LINE,
    chunks: Chunks | None = None,
) -> Loaded:
    """Read, compose and interpolate a spec.

    Args:
        spec: The spec's file.
        overrides: Overrides in Hydra's grammar, as typed.
        config_dirs: Folders with config groups, besides ``conf/`` beside the spec.
        environment: The environment to merge over the spec.
        sources: Where the texts that findings quote are kept.
        name: What findings call the command line.
        chunks: What the blocks of texts are known to mean.

    Raises:
        StackcError: E101 to E113, E120, E140, E141; every finding has a span, and the error
            carries the texts to quote.
    """
    sources = sources if sources is not None else Sources()
    command = CommandLine(spec, overrides, config_dirs, name, environment)
    folder = Folder(spec, chunks or Chunks())
    sources.add(name, command.text.content)
    try:
        text = read_text(spec, shown(spec), command.spec)
        body = _body(text, folder.chunks)
        own = (FileLayer(text), *take_include(text, body, folder))
        groups = search_folders(folder.root, config_dirs, command)
        composition = compose(own, body, command, groups)
        loaded = _resolved(composition, folder, sources)
        names = composition.environments
        return replace(loaded, own=own, environment=environment, environments=names)
    except StackcError as error:
        found = StackcError(*(mended(d, partial(_file, sources)) for d in error.diagnostics))
        found.sources = sources
        raise found from error


def _file(sources: Sources, name: str) -> Text | None:
    content = sources.file(name)
    return None if content is None else Text(name, content)


def _body(text: Text, chunks: Chunks) -> dict[str, Any]:
    body = chunks.parse(text)
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


def _resolved(composition: Composition, folder: Folder, sources: Sources) -> Loaded:
    config = composition.config
    for name, content in composition.packaged:
        sources.add(name, content)
    provenance = Provenance(composition.layers)
    backends = config.pop(_BACKENDS, None)
    if backends is not None and not isinstance(backends, dict):
        place = provenance.span(Place((_BACKENDS,)))
        raise fail(Code.WRONG_TYPE, "`backends` is a mapping of capabilities", span=place)
    _refuse_include(config, provenance)
    if composition.mentions(MISSING):
        _refuse_missing({**config, _BACKENDS: backends}, provenance)
    composed, aliases = config, {}
    if composition.mentions("${"):
        provenance.resolver = Resolver(
            {**config, _BACKENDS: backends}, os.environ, provenance.written
        )
    if scales(config):
        expanded = expand(config, provenance, folder, os.environ)
        config, aliases, provenance.origins = expanded.config, expanded.aliases, expanded.origins
    if provenance.resolver is not None:
        config, backends = _interpolated(composed, config, backends, provenance)
    return Loaded(config, backends or {}, provenance, folder.root, sources, aliases, composed)


def _interpolated(
    composed: dict[str, Any], config: dict[str, Any], backends: Any, provenance: Provenance
) -> tuple[dict[str, Any], Any]:
    """The config, unless it was expanded and so interpolated already, and the backends."""
    in_all = provenance.resolver
    in_config = Resolver(composed, os.environ, provenance.written)
    if config is composed:
        config = in_config.resolve(config)
    if in_all is not None:
        backends = in_all.resolve(backends, (_BACKENDS,))
    findings = (*in_config.findings, *(in_all.findings if in_all is not None else ()))
    if findings:
        raise StackcError(*locate(findings, provenance))
    return config, backends


def _refuse_include(config: dict[str, Any], provenance: Provenance) -> None:
    """A config group or an argument cannot say which files a spec has."""
    if INCLUDE in config:
        raise fail(
            Code.INCLUDE,
            "`include` may only stand in the spec's own file",
            span=provenance.span(Place((INCLUDE,), key=True)),
            help="name a config group's files in `defaults`",
        )


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
