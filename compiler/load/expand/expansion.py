"""The line of expansion: every block made, then every name of a module's block made whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from compiler.codes import Code
from compiler.diagnostics import Diagnostic, Place, StackcError, did_you_mean
from compiler.load.expand.files import Folder
from compiler.load.expand.for_each import is_template
from compiler.load.expand.inputs import TABLES, BlockName
from compiler.load.expand.making import Making
from compiler.load.expand.modules import ModuleFiles
from compiler.load.expand.references import plain, renamed
from compiler.load.expand.unit import Made, Unit
from compiler.load.expand.using import Using
from compiler.load.once import once
from compiler.load.pieces import PieceError, split_pieces
from compiler.load.provenance import Origin, Provenance, of_block
from compiler.load.resolve import Resolver
from specs.scaling import MODULES
from specs.stack import KINDS

_RULES = "validation"


class Expanded(Struct, frozen=True):
    """A spec with every block written out.

    Attributes:
        config: The spec, interpolated, without ``for_each`` and ``modules``.
        origins: Where each block was written that was made, by kind and name.
        aliases: For a dataset of a module what the tables are called that its SQL names.
    """

    config: dict[str, Any]
    origins: dict[tuple[str | int, ...], Origin]
    aliases: dict[str, dict[str, str]]


def scales(config: dict[str, Any]) -> bool:
    """Whether a spec has anything to expand."""
    if MODULES in config:
        return True
    kinds = [config[kind] for kind in KINDS if isinstance(config.get(kind), dict)]
    return any(is_template(block) for blocks in kinds for block in blocks.values())


def expand(
    config: dict[str, Any],
    provenance: Provenance,
    folder: Folder,
    environment: Mapping[str, str],
) -> Expanded:
    """Write every block out: one for each key of a ``for_each``, those of each module.

    Args:
        config: The spec as composed, before interpolation.
        provenance: Where it was written.
        folder: Where modules are read from.
        environment: The environment variables.

    Raises:
        StackcError: E142 to E144, E201, E206, E207 and what interpolation finds; each
            mistake of a text once, however many blocks are made from it.
    """
    resolver = Resolver(config, environment, provenance.written)
    spec = Unit(config, provenance, resolver)
    making = Making(folder, environment, ModuleFiles(folder))
    using = Using(making)
    using.unit(spec)
    _place_rules(making)
    using.look_for_given()
    aliases = _rename(making)
    rest = _rest(config, making, resolver)
    if making.findings:
        raise StackcError(*once(making.findings))
    origins: dict[tuple[str | int, ...], Origin] = {
        key: made.origin for key, made in making.made.items() if made.origin is not None
    }
    return Expanded(rest, origins, aliases)


def _rename(making: Making) -> dict[str, dict[str, str]]:
    """Names in the blocks of modules are exchanged; for SQL, what its names mean is handed back."""
    aliases = {}
    for made in making.made.values():
        if made.unit.outer is not None:
            made.value = plain(renamed(made.kind, made.value, _Renaming(making, made)))
            if made.kind == "datasets":
                _refuse_ambiguous(making, made)
                aliases[made.name] = _aliases(made.unit)
    return aliases


def _rest(config: dict[str, Any], making: Making, resolver: Resolver) -> dict[str, Any]:
    """The config with its blocks exchanged for those that were made."""
    found: dict[str, Any] = {}
    for key, value in config.items():
        if key in KINDS and isinstance(value, dict | None):
            found[key] = {}
        elif key != MODULES:
            found[key] = resolver.resolve(value, (key,))
    making.heard(resolver, None)
    for (kind, name), made in making.made.items():
        blocks = found.setdefault(kind, {})
        if isinstance(blocks, dict):
            blocks[name] = made.value
    return found


def _place_rules(making: Making) -> None:
    """Rules belong to the table that their name means where they stand."""
    for unit, local, written, rules, resolver in making.rules:
        table = unit.find(local, TABLES) or local
        making.put(unit, _RULES, local, rules, (_RULES, written), resolver, table)


class _Renaming:
    """What a block of a module means by a name: its own blocks first, then those of the spec."""

    def __init__(self, making: Making, made: Made) -> None:
        self.making, self.made = making, made

    def __call__(self, name: str, word: str, kinds: tuple[str, ...], path: Any) -> str:
        given = isinstance(name, BlockName)
        unit: Unit = name.giver if isinstance(name, BlockName) else self.made.unit
        found = unit.find(name, kinds)
        if found is None and not given:
            self._report(name, word, kinds, path)
        return found or str(name)

    def _report(self, name: str, word: str, kinds: tuple[str, ...], path: Any) -> None:
        origin = self.made.origin
        if origin is None:
            return
        span = origin.provenance.span(Place((*origin.path, *path)))
        helps = did_you_mean(name, self.made.unit.known(kinds)) or (f"there is no {word} yet",)
        finding = Diagnostic(
            Code.UNKNOWN_BLOCK, f"there is no {word} `{name}`", None, span, (), helps
        )
        self.making.findings.append(of_block(finding, origin))


def _given_tables(unit: Unit) -> dict[str, tuple[str, str]]:
    """For each input that names a table that name, and what the table is called at last."""
    inputs = unit.names.get("input", {})
    found = {}
    for name, value in inputs.items():
        table = value.giver.find(value, TABLES) if isinstance(value, BlockName) else None
        if table is not None:
            found[name] = (str(value), table)
    return found


def _aliases(unit: Unit) -> dict[str, str]:
    """What the tables are called at last that SQL of a module may name."""
    own = {local: name for kind in TABLES for local, name in unit.own.get(kind, {}).items()}
    known = {**dict(_given_tables(unit).values()), **own}
    return {local: name for local, name in known.items() if local != name}


def _refuse_ambiguous(making: Making, made: Made) -> None:
    """SQL that holds an input's table and an own one of the same name cannot tell them apart."""
    origin, given = made.origin, _given_tables(made.unit)
    written = made.unit.body["datasets"][origin.path[1]] if origin is not None else None
    text = written.get("sql") if isinstance(written, dict) else None
    if origin is None or not given or not isinstance(text, str):
        return
    try:
        pieces = split_pieces(text)
    except PieceError:
        return
    for piece in pieces:
        word, _, name = piece.body.partition(".")
        if piece.resolver != "reference" or word != "input" or name not in given:
            continue
        if any(given[name][0] in made.unit.own.get(kind, ()) for kind in TABLES):
            path = (*origin.path, "sql")
            finding = Diagnostic(
                Code.AMBIGUOUS_NAME,
                f"`{given[name][0]}` was given as `{name}`, and is a table of the module too",
                span=made.unit.provenance.written(path, piece.start, piece.end),
                help=("rename the module's table", "or take the input by `from: ${input.…}`"),
            )
            making.findings.append(of_block(finding, origin))
