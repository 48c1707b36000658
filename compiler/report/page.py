"""The HTML report on disk: written after a run, and on demand."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from compiler.diagnostics import StackcError
from compiler.engine import durable
from compiler.engine.project import Project
from compiler.engine.results import RunResult
from compiler.pipeline import Compiled

REPORT = "report.html"


def report_place(project: Project, compiled: Compiled, result: RunResult) -> Path | None:
    """Where the report of a run is; written unless nothing had changed.

    None after an interrupt, and where the report cannot be written: what was
    applied matters more.
    """
    path = project.folder / REPORT
    if result.status == "interrupted":
        return None
    if result.status == "nothing" and path.is_file():
        return _short(path)
    try:
        durable.write(path, page(project, compiled).encode("utf-8", "replace"))
    except StackcError:
        return None
    return _short(path)


def page(project: Project, compiled: Compiled) -> str:
    """The report of a project as it is now, as one HTML page."""
    from compiler.report.fill import run_view
    from compiler.report.html.render import render

    return render(run_view(project, compiled, f"stackc {_version()}"))


def _version() -> str:
    try:
        return metadata.version("stackc")
    except metadata.PackageNotFoundError:
        return "from a folder"


def _short(path: Path) -> Path:
    """The path as a person would type it from here."""
    try:
        return path.relative_to(Path.cwd().resolve())
    except ValueError:
        return path
