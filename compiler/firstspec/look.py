"""The look at the data, by the backend that reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from compiler.analyse.sources import FORMATS, options_of
from compiler.backend import Look
from compiler.chosen import service, settings_of
from compiler.codes import Code
from compiler.diagnostics import Findings, StackcError, fail
from compiler.engine.secrets import Secrets
from compiler.graph.survey import Spread, Surveyed
from specs.sources import Source


def survey(root: Path, path: str) -> tuple[Surveyed, ...]:
    """Every column of a file as its values are.

    Raises:
        StackcError: Whatever keeps the file from being read; E132 where there is nothing in it.
    """
    found: tuple[Surveyed, ...] = _ask("survey_files", root, path)
    if not found or not found[0].rows:
        raise fail(
            Code.NO_FIRST_SPEC,
            f"`{path}` has no rows to begin with",
            help="name a file that has rows, or leave `--data` out and write the source by hand",
        )
    return found


def spread(root: Path, path: str, target: Surveyed, time: Surveyed, cut: str) -> tuple[Spread, ...]:
    """For each value of the target the rows before and behind a moment."""
    found: tuple[Spread, ...] = _ask("spread_files", root, path, (target.column, time.column), cut)
    return found


def _ask(name: str, root: Path, path: str, *more: object) -> tuple[Any, ...]:
    findings = Findings()
    asked = service({}, "read", name, findings)
    settings = settings_of({}, "read", findings)
    if asked is None or settings is None:
        raise StackcError(*findings.diagnostics)
    look = Look(root, settings, Secrets(root).resolve)
    kind = FORMATS.get(Path(path).suffix.lower())
    if kind is None:
        raise fail(
            Code.NO_FIRST_SPEC,
            f"the format of `{path}` cannot be told from its suffix",
            help="name a .csv, .parquet, .jsonl or .arrow file",
        )
    answer: tuple[Any, ...] = asked(path, kind, options_of(Source(path=path), kind), *more, look)
    return answer
