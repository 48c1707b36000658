"""Turns what Hydra would not compose into a finding at the argument or entry that caused it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from compiler.codes import Code
from compiler.diagnostics import Diagnostic, did_you_mean
from compiler.load.command import CommandLine
from compiler.load.groups import GroupFile, Groups
from compiler.load.hydra.defaults import CompositionError
from compiler.load.hydra.grammar import Argument
from compiler.load.marks import Marks
from compiler.load.text import Text
from compiler.source import Span

_PREFIX = re.compile(r"^In '?(?P<file>[^':]+)'?: ")


def composition_finding(
    error: CompositionError,
    spec: GroupFile,
    arguments: Sequence[Argument],
    command: CommandLine,
    groups: Groups,
) -> Diagnostic:
    """The finding (E109) for a composition that failed."""
    if error.missing is not None:
        message, helps = _missing(error.missing, groups)
        span = _asked_by_argument(error.missing, arguments, command)
        span = span or _asked_by_file(error.missing, spec, groups)
    else:
        message, helps = _plain(error.message)
        span = _named_argument(error.message, arguments, command)
        span = span or _named_file(error.message, spec.text, groups)
    return Diagnostic(
        Code.CONFIG_GROUP, message, span=span or _fallback(spec.text, command), help=helps
    )


def _missing(path: str, groups: Groups) -> tuple[str, tuple[str, ...]]:
    group, _, option = path.rpartition("/")
    if not group:
        return f"there is no config `{option}`", did_you_mean(option, groups.options(""))
    if groups.has_group(group):
        message = f"the config group `{group}` has no option `{option}`"
        return message, did_you_mean(option, groups.options(group))
    known = did_you_mean(group, groups.all_groups())
    return f"there is no config group `{group}`", known


def _plain(message: str) -> tuple[str, tuple[str, ...]]:
    plain = re.sub(r"'([^']+)'", r"`\1`", _PREFIX.sub("", message)).rstrip(".:")
    plain = plain[:1].lower() + plain[1:]
    if "could not override" in plain and "defaults list" in plain:
        return plain, ("nothing chose an option of this group yet: `+group=option` adds one",)
    if "multiple values" in plain:
        return plain.split(". ")[0], ("write `override /group: option` to exchange a choice",)
    return plain, ()


def _asked_by_argument(
    path: str, arguments: Sequence[Argument], command: CommandLine
) -> Span | None:
    for argument in arguments:
        options = argument.value if isinstance(argument.value, list) else [argument.value]
        for option in options:
            if f"{argument.key}/{option}".removesuffix(".yaml") == path.removesuffix(".yaml"):
                raw = command.overrides[argument.index]
                return command.override(argument.index, raw.find("=") + 1)
    return None


def _asked_by_file(path: str, spec: GroupFile, groups: Groups) -> Span | None:
    option = path.rpartition("/")[2]
    for file in (spec, *(file for _, file in groups.files())):
        for index, entry in enumerate(file.defaults or []):
            for name, place in _names(entry, ("defaults", index)):
                if name.split("@")[0].rpartition("/")[2] == option:
                    return Marks(file.text).span(place)
    return None


def _names(entry: Any, place: tuple[str | int, ...]) -> list[tuple[str, tuple[str | int, ...]]]:
    if isinstance(entry, str):
        return [(entry, place)]
    if not isinstance(entry, dict):
        return []
    names: list[tuple[str, tuple[str | int, ...]]] = []
    for group, option in entry.items():
        inner = (*place, group)
        if isinstance(option, list):
            names += [(str(name), (*inner, index)) for index, name in enumerate(option)]
        else:
            names.append((str(option), inner))
    return names


def _named_argument(
    message: str, arguments: Sequence[Argument], command: CommandLine
) -> Span | None:
    for argument in arguments:
        key = re.escape(argument.parsed.get_key_element().lstrip("+~"))
        if re.search(rf"(?<![\w/.]){key}(?![\w/])", message):
            return command.override(argument.index)
    return None


def _named_file(message: str, text: Text, groups: Groups) -> Span | None:
    match = _PREFIX.match(message)
    files = dict(groups.files())
    if match and match["file"] in files:
        file = files[match["file"]]
        return Marks(file.text).span(("defaults",), key=True)
    return Marks(text).span(("defaults",), key=True)


def _fallback(text: Text, command: CommandLine) -> Span:
    return command.override(0) if command.overrides else Span.point(text.name)
