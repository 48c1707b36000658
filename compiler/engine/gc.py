"""Removes what nothing uses any more: old results and objects, leavings, old logs."""

from __future__ import annotations

import shutil
import time

from msgspec import Struct

from compiler.engine import durable, rows, sweeps
from compiler.engine.project import Project

KEEP_RUNS = 10
LOG_DAYS = 30


class Swept(Struct, frozen=True):
    """How many objects and results were removed, and how many bytes that freed."""

    objects: int
    bytes: int
    results: int


def collect_garbage(
    project: Project, keep_runs: int = KEEP_RUNS, keep_sweeps: int = sweeps.KEEP_SWEEPS
) -> Swept:
    """Keep what is applied now, what the last runs used and the last sweeps need; drop the rest.

    Args:
        project: Open for writing.
        keep_runs: How many of the last runs keep their results for reuse; 0
            keeps only what is applied now.
        keep_sweeps: How many of the last sweeps keep their table and their results.
    """
    state = project.state
    nodes = rows.nodes(state)
    with state.transaction(changes=False):
        sweeps.drop_sweeps(state, keep_sweeps)
        wanted = {row.key for row in nodes.values()} | sweeps.needed_keys(state)
        dropped = rows.drop_results(state, wanted, keep_runs)
        keep = {o.digest for row in nodes.values() for o in row.outputs.values()}
        keep |= rows.result_digests(state)
        rows.keep_stamps(state, keep)
    _drop_tables(project)
    count, size = project.store.sweep(keep)
    for left in project.scratch.glob("*"):
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
        else:
            durable.remove(left)
    oldest = time.time() - LOG_DAYS * 86_400
    for log in (project.folder / "logs").glob("*"):
        if log.is_file() and log.stat().st_mtime < oldest:
            durable.remove(log)
    return Swept(count, size, dropped)


def _drop_tables(project: Project) -> None:
    """Remove the tables of sweeps that are forgotten."""
    known = {str(row.number) for row in sweeps.sweeps(project.state)}
    for table in (project.folder / sweeps.TABLES).glob("*.parquet"):
        if table.stem not in known:
            durable.remove(table)
