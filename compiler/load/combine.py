"""Composes a spec with groups and overrides: Hydra says the order, plain dicts are merged."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from compiler.codes import Code
from compiler.diagnostics import Diagnostic, StackcError, did_you_mean
from compiler.load.assign import AssignmentError, add, change, delete, merge, split_key
from compiler.load.blame import composition_finding
from compiler.load.command import CommandLine
from compiler.load.expand.environments import choose_environment
from compiler.load.groups import GroupFile, Groups
from compiler.load.hydra.defaults import Composed, CompositionError, compose_parts
from compiler.load.hydra.grammar import Argument, ArgumentError, parse_argument
from compiler.load.layers import ArgumentLayer, FileLayer, Layer
from compiler.load.scalars import MAX_INT, MIN_INT

BACKENDS = "backends"
_DEFAULT_BACKENDS = {BACKENDS: "local"}


def combine(
    own: tuple[FileLayer, ...],
    body: dict[str, Any],
    defaults: list[Any] | None,
    command: CommandLine,
    groups: Groups,
) -> tuple[dict[str, Any], tuple[Layer, ...], tuple[str, ...]]:
    """The composed config, what set its values in the order it was applied, and its environments.

    Args:
        own: The spec's own file, and those that it includes.
        body: What they hold besides the defaults list; taken over, not copied.
        defaults: The spec's defaults list.
        command: The command line with the overrides.
        groups: Where options are found.

    Raises:
        StackcError: E108 for overrides, E109 for groups, E111 for code in a value, E141.
    """
    arguments = _arguments(command, groups)
    listed = _with_backends(defaults or [])
    try:
        composed = compose_parts(groups, listed, arguments)
    except CompositionError as error:
        spec = GroupFile(own[0].text, body, defaults)
        raise StackcError(composition_finding(error, spec, arguments, command, groups)) from None
    config, files = _merged(composed, own, body, groups)
    layers, environments = choose_environment(config, files, command)
    assigned = _assigned(config, composed.assignments, command, groups)
    return config, (*layers, *assigned), environments


def _with_backends(defaults: list[Any]) -> list[Any]:
    """The embedded backends stand below everything, unless the spec chooses others itself."""
    names = (str(key) for entry in defaults if isinstance(entry, dict) for key in entry)
    chosen = {name.split("@")[0].removeprefix("optional ").lstrip("/") for name in names}
    return defaults if BACKENDS in chosen else [_DEFAULT_BACKENDS, *defaults]


def _arguments(command: CommandLine, groups: Groups) -> list[Argument]:
    arguments: list[Argument] = []
    findings: list[Diagnostic] = []
    for index, override in enumerate(command.overrides):
        try:
            argument = parse_argument(index, override)
            _judge(argument, groups)
            arguments.append(argument)
        except ArgumentError as error:
            code = Code.YAML_FEATURE if "_target_" in error.message else Code.OVERRIDE
            at = error.offset
            span = command.override(index, at or 0, None if at is None else at + 1)
            helps = (error.way_out,) if error.way_out else ()
            findings.append(Diagnostic(code, error.message, span=span, help=helps))
    if findings:
        raise StackcError(*findings)
    return arguments


def _judge(argument: Argument, groups: Groups) -> None:
    if argument.key.split(".")[0].split("/")[0] == "hydra":
        raise ArgumentError("Hydra's own settings are not part of a spec")
    if "_target_" in split_key(argument.key):
        raise ArgumentError("a spec cannot name code to call by `_target_`")
    if groups.has_group(argument.key) and not isinstance(argument.value, dict):
        if argument.kind == "force":
            raise ArgumentError("a group is chosen with `group=option`, or added with one `+`")
        if argument.kind != "delete" and not isinstance(argument.value, str | list):
            raise ArgumentError(
                f"`{argument.key}` is a config group and takes the name of an option",
                None,
                _listed(did_you_mean("", groups.options(argument.key))),
            )
    _judge_value(argument.value)


def _judge_value(value: Any) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise ArgumentError("a key is text: quote it")
            if key == "_target_":
                raise ArgumentError("a spec cannot name code to call by `_target_`")
            _judge_value(item)
    elif isinstance(value, list):
        for item in value:
            _judge_value(item)
    elif isinstance(value, int) and not MIN_INT <= value <= MAX_INT:
        raise ArgumentError("this number does not fit 64 bits")


def _merged(
    composed: Composed, own: tuple[FileLayer, ...], body: dict[str, Any], groups: Groups
) -> tuple[dict[str, Any], list[Layer]]:
    config: dict[str, Any] = {}
    layers: list[Layer] = []
    for part in composed.parts:
        if part.option is None:
            merge(config, body)
            layers += own
            continue
        file = groups.file(part.option)
        if file is None:
            continue
        content = copy.deepcopy(file.body)
        for name in reversed(part.package):
            content = {name: content}
        merge(config, content)
        layers.append(FileLayer(file.text, part.package))
    return config, layers


def _assigned(
    config: dict[str, Any],
    assignments: tuple[Argument, ...],
    command: CommandLine,
    groups: Groups,
) -> list[Layer]:
    layers: list[Layer] = []
    findings: list[Diagnostic] = []
    for argument in assignments:
        parts = split_key(argument.key)
        try:
            _apply(config, argument, parts)
        except AssignmentError as error:
            findings.append(_refused(error, argument, parts, command, groups, config))
            continue
        value = copy.deepcopy(argument.value)
        deleted = argument.kind == "delete"
        layers.append(ArgumentLayer(command, argument.index, parts, value, deleted))
    if findings:
        raise StackcError(*findings)
    return layers


def _apply(config: dict[str, Any], argument: Argument, parts: tuple[str, ...]) -> None:
    if argument.package is not None or "/" in argument.key:
        raise AssignmentError(f"there is no config group `{argument.key}`", 0)
    if argument.kind == "delete":
        delete(config, parts, argument.value)
    elif argument.kind == "change":
        change(config, parts, argument.value)
    else:
        add(config, parts, argument.value, force=argument.kind == "force")


def _refused(
    error: AssignmentError,
    argument: Argument,
    parts: tuple[str, ...],
    command: CommandLine,
    groups: Groups,
    known: Iterable[str],
) -> Diagnostic:
    text = command.overrides[argument.index]
    sign = len(text) - len(text.lstrip("+~"))
    start = sign + sum(len(part) + 1 for part in parts[: error.part])
    inside = error.part < len(parts)
    end = start + len(parts[error.part]) if inside else None
    span = command.override(argument.index, start, end)
    if argument.package is not None or "/" in argument.key:
        helps = did_you_mean(argument.key, groups.all_groups())
        whole = command.override(argument.index, sign, sign + len(argument.key))
        return Diagnostic(Code.CONFIG_GROUP, error.message, span=whole, help=helps)
    helps = error.help if argument.kind != "delete" else error.help[:-1]
    if error.part == 0 and len(parts) == 1:
        # A word without a dot may be meant for a key or for a config group.
        addition = error.help[-1:] if argument.kind != "delete" else ()
        helps = (*did_you_mean(argument.key, {*groups.all_groups(), *known}), *addition)
    return Diagnostic(Code.OVERRIDE, error.message, span=span, help=helps)


def _listed(helps: tuple[str, ...]) -> str:
    return helps[0] if helps else ""
