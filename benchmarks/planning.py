"""A plan that finds nothing to do, over a thousand nodes."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.generate import write_tables_project
from benchmarks.measure import Result, median_of, stackc

NODES_A_TABLE = 6


def run(folder: Path, nodes: int = 1_000) -> list[Result]:
    """Apply once, then plan three times."""
    project = folder / "tables"
    write_tables_project(project, nodes // NODES_A_TABLE)
    counted = json.loads(stackc("compile", "stack.yaml", "--format", "json", cwd=project).out)
    applied = stackc("apply", "stack.yaml", "--yes", cwd=project)
    planned = median_of(3, lambda: stackc("plan", "stack.yaml", cwd=project))
    again = stackc("apply", "stack.yaml", "--yes", cwd=project)
    notes = f"{counted['nodes']:,} nodes"
    return [
        Result(
            "plan",
            "first apply of many small tables",
            applied.seconds,
            "s",
            notes=f"{notes}, {applied.notes}",
        ),
        Result("plan", "no-change plan", planned.seconds, "s", at_most=1.0, notes=planned.notes),
        Result("plan", "no-change apply", again.seconds, "s", at_most=2.0, notes=again.notes),
    ]
