"""Promoting a point: its values written into the spec, and every other character left alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from compiler.analyse.schema import validate
from compiler.codes import Code
from compiler.diagnostics import Findings, StackcError, fail
from compiler.engine.rewriting import rewrite
from compiler.engine.sweeps import PointRow, SweepRow
from compiler.graph.digest import canonical
from compiler.load import Loaded, load, locate
from compiler.load.assign import split_key
from compiler.load.command import CommandLine
from compiler.load.compose import search_folders
from compiler.load.edit import EditError, Editor
from compiler.load.groups import Groups
from compiler.load.hydra.grammar import Argument, ArgumentError, parse_argument
from compiler.load.text import Text
from compiler.source import Sources, drafted
from compiler.sweep.homes import home_of

_BACKENDS = "backends"


class Edit(Struct, frozen=True):
    """A file of the spec before and after a point was written into it."""

    file: Path
    before: str
    after: str


class Promotion(Struct, frozen=True):
    """A point, and the files of its spec that change when it is written into them.

    ``backends`` are the point's choices of backends, which are no part of a spec.
    """

    spec: Path
    point: PointRow
    edits: tuple[Edit, ...]
    backends: tuple[str, ...]


def promotion(
    spec: Path, sweep: SweepRow, point: PointRow, environment: str | None = None
) -> Promotion:
    """Write a point's values into the texts of the spec, and see that they mean the point.

    Nothing is written to the disk.

    Raises:
        StackcError: E611 where no change of the spec's own text makes it the
            point; whatever is wrong with the spec, or with the point now.
    """
    dirs = [spec.resolve().parent / folder for folder in sweep.config_dirs]
    sources = Sources()
    name = f"<point {point.number}>"
    try:
        wanted = load(
            spec, point.overrides, dirs, environment=environment, sources=sources, name=name
        )
        _still_a_spec(wanted)
        command = CommandLine(spec, point.overrides, dirs, name)
        groups = Groups(search_folders(spec.resolve().parent, dirs, command))
        arguments = [_parsed(at, given) for at, given in enumerate(point.overrides)]
        own = [argument for argument in arguments if not _of_backends(argument)]
        backends = tuple(point.overrides[a.index] for a in arguments if _of_backends(a))
        texts = _edited(wanted, own, groups, point)
        with drafted({_file(spec, at, text): text.content for at, text in enumerate(texts)}):
            sources = Sources()
            found = load(spec, backends, dirs, environment=environment, sources=sources)
        _compare(found.config, wanted.config, point)
    except StackcError as error:
        error.sources = error.sources or sources
        raise
    edits = [
        Edit(_file(spec, at, after), before.text.content, after.content)
        for at, (before, after) in enumerate(zip(wanted.own, texts, strict=True))
        if before.text.content != after.content
    ]
    return Promotion(spec, point, tuple(edits), backends)


def write(promoted: Promotion) -> None:
    """Replace each file as one step; its mode stays, and a link to it stays a link.

    Raises:
        StackcError: E611 when a file has changed since it was read, E607 or
            E712 when it cannot be written.
    """
    for edit in promoted.edits:
        if not rewrite(edit.file, edit.before, edit.after):
            raise _refused(promoted.point, "the spec has changed meanwhile")


def _file(spec: Path, at: int, text: Text) -> Path:
    """The file of one of a spec's own texts: the first is the spec itself."""
    return Path(text.name) if at else spec


def _still_a_spec(wanted: Loaded) -> None:
    """Refuse what has been a spec when it was tried and is none now: an option that is gone."""
    findings = Findings()
    validate(wanted.config, findings)
    if findings.errors:
        raise StackcError(*locate(findings.diagnostics, wanted.provenance))


def _parsed(index: int, text: str) -> Argument:
    try:
        return parse_argument(index, text)
    except ArgumentError as error:  # it was composed just before
        raise AssertionError(error.message) from error


def _of_backends(argument: Argument) -> bool:
    return argument.key.split(".")[0].split("/")[0] == _BACKENDS


def _edited(
    loaded: Loaded, arguments: Sequence[Argument], groups: Groups, point: PointRow
) -> list[Text]:
    """The texts of the spec's own files with the values of the arguments."""
    editors = {layer.text.name: Editor(layer.text.content) for layer in loaded.own}
    for argument in arguments:
        layer, path = home_of(tuple(split_key(argument.key)), loaded)
        editor = editors[layer.text.name]
        try:
            if groups.has_group(argument.key) and not isinstance(argument.value, dict):
                _choose(editors[loaded.own[0].text.name], argument)
            elif argument.kind == "delete":
                editor.delete(path)
            else:
                editor.set(path, argument.value)
        except EditError as error:
            raise _refused(point, str(error)) from None
    return [Text(name, editor.content) for name, editor in editors.items()]


def _choose(editor: Editor, argument: Argument) -> None:
    """A group's option belongs into the defaults list."""
    entries = list(editor.value(("defaults",)) or [])
    group = f"{argument.key}@{argument.package}" if argument.package else argument.key
    at = next((n for n, entry in enumerate(entries) if _group(entry) == group), None)
    if argument.kind == "delete":
        if at is not None:
            del entries[at]
    elif at is not None:
        entries[at] = {next(iter(entries[at])): argument.value}
    elif argument.kind == "add":
        # What the command line adds stands behind the spec's own body.
        own = [] if "_self_" in entries else ["_self_"]
        entries += [*own, {group: argument.value}]
    else:
        entries.append({f"override {group}": argument.value})
    editor.set_after(("defaults",), entries, "name")


def _group(entry: Any) -> str | None:
    if not isinstance(entry, Mapping):
        return None
    name = str(next(iter(entry)))
    for word in ("optional ", "override "):
        name = name.removeprefix(word)
    return name.lstrip("/")


def _compare(found: dict[str, Any], wanted: dict[str, Any], point: PointRow) -> None:
    if canonical(found) == canonical(wanted):
        return
    where = ".".join(map(str, _difference(found, wanted, ())))
    raise _refused(point, f"`{where}` differs" if where else "it differs")


def _difference(found: Any, wanted: Any, path: tuple[Any, ...]) -> tuple[Any, ...]:
    """The path of the first value that is not the same."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        for key in sorted({*found, *wanted}):
            if key not in found or key not in wanted:
                return (*path, key)
            if canonical(found[key]) != canonical(wanted[key]):
                return _difference(found[key], wanted[key], (*path, key))
    return path


def _refused(point: PointRow, why: str) -> StackcError:
    return fail(
        Code.NOT_PROMOTED,
        f"the spec with the values of point {point.number} would not be that point: {why}",
        help=(
            "nothing was written; write these values by hand: " + " ".join(point.overrides),
            "`stackc explain E611` says what cannot be written, and why",
        ),
    )
