"""Start-up: whole processes, median of seven."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.measure import ROOT, Result, median_of, stackc

TIMES = 7


def run(folder: Path) -> list[Result]:
    """``--help``, and ``compile`` of the quickstart."""
    project = folder / "quickstart"
    ignored = shutil.ignore_patterns(".stackc", "__pycache__")
    shutil.copytree(ROOT / "examples" / "quickstart", project, ignore=ignored)
    help_ = median_of(TIMES, lambda: stackc("--help", cwd=project))
    compile_ = median_of(TIMES, lambda: stackc("compile", "stack.yaml", cwd=project))
    return [
        Result("start-up", "stackc --help", help_.seconds, "s", at_most=0.2, notes=help_.notes),
        Result(
            "start-up",
            "compile the quickstart",
            compile_.seconds,
            "s",
            at_most=0.6,
            notes=compile_.notes,
        ),
    ]
