"""Start-up: whole processes, median of seven, beside the bare imports that ours stands on."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from benchmarks.measure import ROOT, Result, median_of, process, stackc

TIMES = 7
BARE = "import pydantic, duckdb, typer, yaml; pydantic.BaseModel"


def run(folder: Path) -> list[Result]:
    """``--help``, and ``compile`` of the quickstart."""
    project = folder / "quickstart"
    ignored = shutil.ignore_patterns(".stackc", "__pycache__")
    shutil.copytree(ROOT / "examples" / "quickstart", project, ignore=ignored)
    help_ = median_of(TIMES, lambda: stackc("--help", cwd=project))
    compile_ = median_of(TIMES, lambda: stackc("compile", "stack.yaml", cwd=project))
    bare = median_of(TIMES, lambda: process([sys.executable, "-c", BARE], project))
    return [
        Result("start-up", "python, importing pydantic, duckdb, typer, yaml", bare.seconds, "s"),
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
