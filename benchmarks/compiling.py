"""Compiling specs of 10 to 10,000 blocks: whole processes, time and memory."""

from __future__ import annotations

import re
import shutil
from functools import partial
from pathlib import Path

from benchmarks.generate import write_spec
from benchmarks.measure import Result, Run, median_of, stackc

SIZES = (10, 100, 1_000, 10_000)
LIMITS = {1_000: 1.0, 10_000: 4.0}


def run(folder: Path, sizes: tuple[int, ...] = SIZES) -> list[Result]:
    """Seconds and peak memory of specs never seen before; of large ones again after one edit."""
    found: list[Result] = []
    for blocks in sizes:
        project = folder / f"spec{blocks}"
        spec = write_spec(project, blocks)
        done = median_of(3 if blocks <= 1_000 else 1, partial(compile_anew, project))
        found += _results(f"compile {blocks:,} blocks", done, LIMITS.get(blocks), blocks)
        if blocks >= 1_000:
            edited = median_of(3, partial(compile_edited, spec))
            limit = round(done.seconds / 3, 3)
            name = f"compile {blocks:,} blocks after one edit"
            found.append(
                Result("compile", name, edited.seconds, "s", at_most=limit, notes=edited.notes)
            )
    return found


def compile_anew(project: Path) -> Run:
    """A compile that has nothing to recall."""
    shutil.rmtree(project / ".cache", ignore_errors=True)
    return compile_in(project)


def compile_edited(spec: Path) -> Run:
    """A compile after one parameter of a model became another."""
    text = spec.read_text("utf-8")
    spec.write_text(re.sub(r"(?<=max_depth: )\d", deeper, text, count=1), "utf-8")
    return compile_in(spec.parent)


def deeper(depth: re.Match[str]) -> str:
    """Another depth."""
    return str(int(depth[0]) % 9 + 1)


def compile_in(project: Path) -> Run:
    """One compile as a program of its own, which writes the graph."""
    return stackc("compile", "stack.yaml", "--out", "graph.json", cwd=project)


def _results(name: str, done: Run, limit: float | None, blocks: int) -> list[Result]:
    memory = 500.0 if blocks == 10_000 else None
    return [
        Result("compile", name, done.seconds, "s", at_most=limit, notes=done.notes),
        Result("compile", f"{name}: peak memory", done.peak / 1e6, "MB", at_most=memory),
    ]
