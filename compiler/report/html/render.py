"""The page itself: templates of ours, values of the user's, every one of them escaped."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from jinja2 import Environment, PackageLoader, StrictUndefined

from compiler.engine import durable
from compiler.report.html import charts, columns, parallel, svg, words
from compiler.report.html.picture import picture
from compiler.report.model import RunView, page_of
from compiler.report.text_style import seconds


def render(run: RunView) -> str:
    """The report of a stack as one HTML page that needs nothing else."""
    template = _environment().get_template("page.html")
    return template.render(page=page_of(run), picture=picture(run))


def write_report(run: RunView, path: Path) -> None:
    """Write the report, whole or not at all.

    Raises:
        StackcError: E712 when the disk is full, E607 where it cannot be written.
    """
    durable.write(path, render(run).encode("utf-8", "replace"))


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("compiler.report.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        amount=words.amount,
        figure=words.figure,
        share=words.share,
        short=words.short,
        moment=words.moment,
        example=words.example,
        metric=words.metric,
        breakable=svg.breakable,
        distance=words.distance,
        seconds=seconds,
    )
    made.globals["chart"] = SimpleNamespace(
        bar=charts.bar,
        columns=columns.column_picture,
        curve=charts.curve,
        curve_title=charts.curve_title,
        histogram=charts.histogram,
        learning=charts.learning,
        parallel=parallel.parallel,
        side_by_side=charts.side_by_side,
    )
    return made
