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
    """Run a program to its end; also the most memory of its process tree in bytes.

    Where the system tells, pages that processes share are divided among them; elsewhere they are
    counted in each, so that it errs upward.
    """
    environment = {**os.environ, **PLAIN, "PYTHONPATH": str(ROOT)}
    with out.open("w+", encoding="utf-8") as stream:
        child = subprocess.Popen(
            command, cwd=cwd, env=environment, stdout=stream, stderr=subprocess.STDOUT
        )
        process, peak = psutil.Process(child.pid), 0
        while child.poll() is None:
            peak = max(peak, tree(process))
            time.sleep(0.05)
    text = out.read_text("utf-8")
    return Answer(child.returncode, text, "", text), peak


def tree(process: psutil.Process) -> int:
    """Bytes of a process and its descendants, now."""
    try:
        family = [process, *process.children(recursive=True)]
    except psutil.Error:
        return 0
    return sum(map(_resident, family))


def _resident(process: psutil.Process) -> int:
    try:
        found = process.memory_full_info()
        return int(getattr(found, "pss", found.rss))
    except psutil.Error:
        return 0
