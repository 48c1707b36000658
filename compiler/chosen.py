"""The backends that a spec chooses: named by capability, loaded, and given their settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Any

from msgspec import Struct
from pydantic import ValidationError

from compiler.backend import CAPABILITIES, DEFAULTS, Backend, Settings
from compiler.codes import Code
from compiler.diagnostics import Findings, Path, did_you_mean

GROUP = "stackc.backends"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


class Choice(Struct, frozen=True):
    """A backend as the config names it, and where it does."""

    name: str
    settings: dict[str, Any]
    path: Path


def choices_of(backends: Mapping[str, Any], findings: Findings) -> dict[str, Choice]:
    """For each capability the choice of a config; one that is left out has the embedded backend."""
    choices = {name: Choice(DEFAULTS[name], {}, ("backends", name)) for name in CAPABILITIES}
    for capability, config in backends.items():
        path: Path = ("backends", capability)
        if capability not in CAPABILITIES:
            findings.report(
                Code.BACKEND_SETTINGS,
                f"`{capability}` is no capability",
                path,
                key=True,
                help=did_you_mean(str(capability), CAPABILITIES),
            )
            continue
        choice = _choice(capability, config, path)
        if choice is None:
            del choices[capability]
            findings.report(
                Code.BACKEND_SETTINGS,
                f"`backends.{capability}` must name a backend: `{{name: …}}` and its settings",
                path,
                help=f"the embedded one is `{{name: {DEFAULTS[capability]}}}`",
            )
        else:
            choices[capability] = choice
    return choices


def _choice(capability: str, config: Any, path: Path) -> Choice | None:
    if isinstance(config, str):
        return Choice(config, {}, path)
    if not isinstance(config, Mapping):
        return None
    settings = {str(key): value for key, value in config.items() if key != "name"}
    name = config.get("name", DEFAULTS[capability])
    return Choice(name, settings, path) if isinstance(name, str) else None


def prepare(
    choice: Choice, known: Mapping[str, Backend], findings: Findings
) -> tuple[Backend, Settings] | None:
    """The backend, loaded, its packages present and its settings valid; None when reported."""
    backend = known.get(choice.name) or _load(choice, known, findings)
    if backend is None or not _installed(backend, choice, findings):
        return None
    try:
        return backend, backend.settings.model_validate(choice.settings)
    except ValidationError as error:
        fields = backend.settings.model_fields
        for problem in error.errors(include_url=False, include_input=False):
            unknown = problem["type"] == "extra_forbidden"
            where = tuple(problem["loc"])
            name = ".".join(str(part) for part in where)
            said = problem["msg"].removeprefix("Value error, ")
            findings.report(
                Code.BACKEND_SETTINGS,
                f"the backend `{backend.name}` has no setting `{name}`"
                if unknown
                else f"the setting `{name}` of the backend `{backend.name}`: {said}",
                (*choice.path, *where),
                key=unknown,
                help=did_you_mean(str(where[-1]) if where else "", fields) if unknown else (),
            )
        return None


def _load(choice: Choice, known: Mapping[str, Backend], findings: Findings) -> Backend | None:
    """Our own module of that name first, then an entry point."""
    name = choice.name
    if _NAME.fullmatch(name) and find_spec("backends") and find_spec(f"backends.{name}"):
        found = getattr(import_module(f"backends.{name}"), "BACKEND", None)
        if isinstance(found, Backend):
            return found
    installed = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name in installed:
        try:
            loaded = installed[name].load()
        except ImportError as error:
            findings.report(
                Code.BACKEND_MISSING,
                f"the backend `{name}` cannot be loaded: {error}",
                (*choice.path, "name"),
                help=f"install or mend the package that offers `{name}`",
            )
            return None
        if isinstance(loaded, Backend):
            return loaded
    names = {*installed, *known, *DEFAULTS.values()}
    findings.report(
        Code.UNKNOWN_BACKEND,
        f"there is no backend `{name}`",
        (*choice.path, "name"),
        help=did_you_mean(name, names),
    )
    return None


def _installed(backend: Backend, choice: Choice, findings: Findings) -> bool:
    missing = [module for module in backend.requires if find_spec(module.split(".")[0]) is None]
    if missing:
        listed = ", ".join(f"`{module}`" for module in missing)
        extra = f"stackc[{backend.extra}]" if backend.extra else " ".join(missing)
        findings.report(
            Code.BACKEND_MISSING,
            f"the backend `{backend.name}` needs {listed}, which is not installed",
            (*choice.path, "name"),
            help=f"pip install '{extra}'",
        )
    return not missing


def service(
    backends: Mapping[str, Any],
    capability: str,
    name: str,
    findings: Findings,
    known: Mapping[str, Backend] | None = None,
) -> Any:
    """What the backend of a capability offers beside running operations, imported now.

    Returns:
        The function or class; None where ``findings`` says why there is none.
    """
    prepared = _prepared(backends, capability, findings, known)
    if prepared is None:
        return None
    backend, _ = prepared
    if name not in backend.services:
        message = f"the backend `{backend.name}` has no `{name}`, which compiling needs"
        ways = f"put it on another backend, e.g. `backends/{capability}={DEFAULTS[capability]}`"
        findings.report(Code.BACKEND_OPERATION, message, ("backends", capability), help=ways)
        return None
    module, _, attribute = backend.services[name].partition(":")
    return getattr(import_module(module), attribute)


def settings_of(
    backends: Mapping[str, Any],
    capability: str,
    findings: Findings,
    known: Mapping[str, Backend] | None = None,
) -> Settings | None:
    """The settings of a capability's backend; None where ``findings`` says why there are none."""
    prepared = _prepared(backends, capability, findings, known)
    return prepared[1] if prepared is not None else None


def _prepared(
    backends: Mapping[str, Any],
    capability: str,
    findings: Findings,
    known: Mapping[str, Backend] | None,
) -> tuple[Backend, Settings] | None:
    choice = choices_of(backends, findings).get(capability)
    return prepare(choice, known or {}, findings) if choice else None
