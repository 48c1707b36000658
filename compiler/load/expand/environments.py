"""``environments``: partial specs, of which one is merged over the spec when it is chosen."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Sequence
from typing import Any

from compiler.codes import Code
from compiler.diagnostics import Diagnostic, StackcError, did_you_mean, fail
from compiler.load.assign import merge
from compiler.load.command import CommandLine
from compiler.load.layers import Layer, SectionLayer
from compiler.source import Span
from specs.base import NAME
from specs.scaling import MODULES
from specs.stack import KINDS

ENVIRONMENTS = "environments"
_KEYS = (*KINDS, MODULES, "name", "description", "owner", "tags")
_NAME = re.compile(NAME)
_MAX_NAME = 63


def choose_environment(
    config: dict[str, Any], layers: Sequence[Layer], command: CommandLine
) -> tuple[tuple[Layer, ...], tuple[str, ...]]:
    """Remove ``environments`` from a config, and merge the one that is asked for over the rest.

    Mappings are merged by key, anything else replaces what stands below it;
    null is a value like any other.

    Returns:
        The layers with those of the environment behind them, and the names of all.

    Raises:
        StackcError: E141 for an environment that is unknown, or is none; E120 for
            a key that none may have.
    """
    if ENVIRONMENTS not in config and command.environment is None:
        return tuple(layers), ()
    found = config.pop(ENVIRONMENTS, None)
    _judge(found, layers)
    names = tuple(sorted(found or ()))
    if command.environment is None:
        return tuple(layers), names
    if command.environment not in names:
        raise fail(
            Code.ENVIRONMENT,
            f"the spec has no environment `{command.environment}`",
            span=command.environment_span,
            help=did_you_mean(command.environment, names)
            or "give it one: `environments: {dev: {…}}`",
        )
    merge(config, copy.deepcopy(found[command.environment] or {}))
    prefix = (ENVIRONMENTS, command.environment)
    chosen = [SectionLayer(layer, prefix) for layer in layers if layer.sets(prefix)]
    return (*layers, *chosen), names


def _judge(found: Any, layers: Iterable[Layer]) -> None:
    """Whether all environments are partial specs, the chosen one or not."""
    if found is not None and not isinstance(found, dict):
        span = _span(layers, (ENVIRONMENTS,))
        message = "`environments` must be a mapping of names to partial specs"
        raise fail(Code.ENVIRONMENT, message, span=span)
    problems: list[Diagnostic] = []
    for name, body in (found or {}).items():
        path = (ENVIRONMENTS, name)
        if not _NAME.match(name) or len(name) > _MAX_NAME:
            helps: tuple[str, ...] = ("names are lower-case letters, digits and underscores",)
            message = f"`{name}` cannot be the name of an environment"
            span = _span(layers, path, key=True)
            problems.append(Diagnostic(Code.BAD_NAME, message, None, span, (), helps))
        elif body is not None and not isinstance(body, dict):
            message = f"the environment `{name}` must be a mapping of what it changes"
            problems.append(Diagnostic(Code.ENVIRONMENT, message, span=_span(layers, path)))
        for key in body if isinstance(body, dict) else ():
            if key not in _KEYS:
                span = _span(layers, (*path, key), key=True)
                message = f"an environment cannot have the key `{key}`"
                helps = _ways_out(key)
                problems.append(Diagnostic(Code.UNKNOWN_KEY, message, None, span, (), helps))
    if problems:
        raise StackcError(*problems)


def _ways_out(key: str) -> tuple[str, ...]:
    if key == "backends":
        return ("backends are chosen on the command line: `backends=local`",)
    return did_you_mean(key, _KEYS)


def _span(layers: Iterable[Layer], path: tuple[str, ...], *, key: bool = False) -> Span | None:
    """Where the last layer that sets the path does so."""
    last = [layer for layer in layers if layer.sets(path)]
    return last[-1].span(path, key=key) if last else None
