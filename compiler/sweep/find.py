"""Finds a sweep that was tried, and a point of it."""

from __future__ import annotations

from compiler.codes import Code
from compiler.diagnostics import fail
from compiler.engine import sweeps
from compiler.engine.project import Project
from compiler.engine.sweeps import PointRow, SweepRow


def find_point(project: Project, number: int, sweep: int | None) -> tuple[SweepRow, PointRow]:
    """A point by its number, of a sweep or of the last one.

    Raises:
        StackcError: E610 where there is no such sweep or point.
    """
    known = sweeps.sweeps(project.state)
    row = known[0] if known and sweep is None else None
    row = row or next((one for one in known if one.number == sweep), None)
    if row is None:
        listed = ", ".join(str(one.number) for one in known[:10])
        raise fail(
            Code.SWEEP_UNKNOWN,
            "no sweep was tried here yet" if not known else f"there is no sweep {sweep}",
            help=f"known here: {listed}" if known else "`stackc apply SPEC -m key=1,2` tries one",
        )
    points = sweeps.points(project.state, row.number)
    for point in points:
        if point.number == number:
            return row, point
    raise fail(
        Code.SWEEP_UNKNOWN,
        f"sweep {row.number} has no point {number}",
        help=f"it has the points 1 to {len(points)}",
    )
