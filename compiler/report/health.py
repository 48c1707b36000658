"""What ``doctor`` looks at: Python, packages, disk, and the project's state."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct, to_builtins
from msgspec.structs import replace

from compiler.diagnostics import StackcError
from compiler.report.text_style import plural, size

Verdict = Literal["good", "warning", "error"]
LEAST_SPACE = 1 << 30
_DISTRIBUTIONS = {"sklearn": "scikit-learn", "xgboost": "xgboost-cpu", "yaml": "pyyaml"}


class Check(Struct, frozen=True):
    """One thing that was looked at; ``help`` is the way out where it is not good."""

    subject: str
    verdict: Verdict
    detail: str
    help: str = ""

    def as_json(self) -> dict[str, Any]:
        """The check as plain data."""
        found: dict[str, Any] = to_builtins(self)
        return found


def checks(spec: Path) -> list[Check]:
    """Every check, in the order in which they matter."""
    folder = spec.resolve().parent
    return [_python(), _machine(), *_packages(), *_backends(), _space(folder), *_project(spec)]


def _python() -> Check:
    system = f"{platform.system()} {platform.machine()}"
    return Check("python", "good", f"{platform.python_version()} on {system}")


def _machine() -> Check:
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return Check("machine", "good", f"{plural(cores or 1, 'core')}, {size(pages)} memory")


def _packages() -> Iterator[Check]:
    modules = ("duckdb", "pyarrow", "numpy", "onnx", "onnxruntime", "hydra", "pydantic")
    found = {module: _version(module) for module in modules}
    missing = [module for module, version in found.items() if version is None]
    listed = ", ".join(f"{module} {version}" for module, version in found.items() if version)
    if missing:
        way = "reinstall stackc: pip install --force-reinstall stackc"
        yield Check("packages", "error", f"missing: {', '.join(missing)}", way)
    else:
        yield Check("packages", "good", listed)


def _version(module: str) -> str | None:
    """A package's version, without importing it."""
    names = {"hydra": "hydra-core", **_DISTRIBUTIONS}
    if find_spec(module) is None:
        return None
    try:
        return metadata.version(names.get(module, module))
    except metadata.PackageNotFoundError:
        return "present"


def _backends() -> Iterator[Check]:
    """One check per backend that is installed, by its registration."""
    for name, target in sorted(_registered().items()):
        subject = f"backend {name}"
        try:
            module, _, attribute = target.partition(":")
            backend = getattr(import_module(module), attribute)
        except (ImportError, AttributeError) as problem:
            detail = f"cannot be loaded: {type(problem).__name__}: {problem}"
            yield Check(subject, "error", detail, f"install the package that offers {name}")
            continue
        missing = [module for module in backend.requires if _version(module.split(".")[0]) is None]
        if missing:
            extra = f"stackc[{backend.extra}]" if backend.extra else " ".join(missing)
            way = f"pip install '{extra}', where you use it"
            yield Check(subject, "warning", f"needs {', '.join(missing)}", way)
        else:
            needed = [f"{module} {_version(module.split('.')[0])}" for module in backend.requires]
            yield Check(subject, "good", ", ".join(needed) or "needs nothing more")


def _registered() -> dict[str, str]:
    from compiler.backend import DEFAULTS

    found = {entry.name: entry.value for entry in metadata.entry_points(group="stackc.backends")}
    own = {name: f"backends.{name}:BACKEND" for name in DEFAULTS.values()}
    return {**found, **own}


def _space(folder: Path) -> Check:
    if not folder.is_dir():
        return Check("disk", "warning", f"{folder} is no folder", "name a spec that exists")
    usage = shutil.disk_usage(folder)
    detail = f"{size(usage.free)} free of {size(usage.total)}"
    if not os.access(folder, os.W_OK):
        return Check("disk", "error", f"{folder} may not be written", "make it writable")
    if usage.free < LEAST_SPACE:
        return Check("disk", "warning", detail, "free some space, or run `stackc gc`")
    return Check("disk", "good", detail)


def _project(spec: Path) -> Iterator[Check]:
    if not spec.is_file():
        yield Check(
            "project", "warning", f"there is no {spec}", "name the spec: stackc doctor SPEC"
        )
        return
    try:
        yield from _state(spec)
    except StackcError as error:
        for found in error.diagnostics:
            yield Check("state", "error", found.message, "; ".join(found.help))


def _state(spec: Path) -> Iterator[Check]:
    from compiler.backend import ENVIRONMENTS
    from compiler.engine.project import state_folder

    folder = spec.resolve().parent
    beside = state_folder(folder, None)
    if not beside.is_dir():
        yield Check("state", "good", "nothing was applied yet")
        return
    yield from _state_of(folder, None)
    for inner in sorted((beside / ENVIRONMENTS).glob("*")):
        for check in _state_of(folder, inner.name):
            yield replace(check, subject=f"{check.subject} ({inner.name})")


def _state_of(folder: Path, environment: str | None) -> Iterator[Check]:
    from compiler.engine.journal import open_entries
    from compiler.engine.project import open_project

    with open_project(folder, write=False, environment=environment) as project:
        nodes = project.nodes()
        serial = f"serial {project.state.serial}" if project.state.lineage else "empty"
        yield Check("state", "good", f"{plural(len(nodes), 'node')} applied, {serial}")
        lost = [
            node.address
            for node in nodes.values()
            for stored in node.outputs.values()
            if project.store.get(stored.digest, stored.suffix) is None
        ]
        if lost:
            detail = f"missing or damaged: {', '.join(sorted(set(lost))[:5])}"
            yield Check("store", "warning", detail, "the next apply makes it again")
        else:
            count = sum(len(node.outputs) for node in nodes.values())
            yield Check("store", "good", f"{plural(count, 'object')} in use, all whole")
        doubtful = len(open_entries(project.state))
        if doubtful:
            detail = f"{plural(doubtful, 'action')} without a known end"
            yield Check("journal", "warning", detail, "the next apply asks what became of them")
