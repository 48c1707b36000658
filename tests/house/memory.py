"""The peak memory of a program and everything it starts."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from tests.house.cli import PLAIN, ROOT, Answer


def watched(command: Sequence[str], cwd: Path, out: Path) -> tuple[Answer, int]:
    """Run a program to its end; also its process tree's largest resident size in bytes.

    Pages that processes share are counted in each of them, so it errs upward.
    """
    environment = {**os.environ, **PLAIN, "PYTHONPATH": str(ROOT)}
    with out.open("w+", encoding="utf-8") as stream:
        child = subprocess.Popen(
            command, cwd=cwd, env=environment, stdout=stream, stderr=subprocess.STDOUT
        )
        process, peak = psutil.Process(child.pid), 0
        while child.poll() is None:
            peak = max(peak, tree(process))
            time.sleep(0.02)
    text = out.read_text("utf-8")
    return Answer(child.returncode, text, "", text), peak


def tree(process: psutil.Process) -> int:
    """Resident bytes of a process and its descendants, now."""
    try:
        family = [process, *process.children(recursive=True)]
    except psutil.Error:
        return 0
    return sum(map(_resident, family))


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0
