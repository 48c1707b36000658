"""Chooses how a run is shown while it goes on."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from compiler.report.text_live import LiveProgress, Progress

if TYPE_CHECKING:
    from compiler.cli.output import Output
    from compiler.engine.plan import Plan


def progress_of(plan: Plan, output: Output) -> Progress:
    """Lines as they happen; on a terminal also what is running; nothing for a program."""
    width = max((len(change.address) for change in plan.work), default=0)
    moving = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    if moving and not output.json and not plan.empty:
        return LiveProgress(output.style, width)
    return Progress(output.line, output.style, width)
