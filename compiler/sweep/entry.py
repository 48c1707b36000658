"""One job of a Hydra application as a sweep of one point, and the value that comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from compiler.codes import Code
from compiler.diagnostics import StackcError, fail
from compiler.sweep.carry import Tried
from compiler.sweep.compile import CompiledSweep, compile_sweep
from compiler.sweep.table import UnknownMetric, metric_named

if TYPE_CHECKING:
    from omegaconf import DictConfig


class Entry(Struct, frozen=True):
    """What a job asks for: the point's overrides, and the series that it belongs to."""

    spec: Path
    overrides: tuple[str, ...]
    config_dirs: tuple[Path, ...]
    series: str | None


def entry_of(
    spec: Path,
    config: DictConfig | Mapping[str, Any] | Sequence[str],
    config_dirs: Sequence[Path],
) -> Entry:
    """What the job at hand asks for; relative paths begin where its application was started.

    Raises:
        StackcError: E108 for a config that cannot be handed over.
    """
    from compiler.load.app import current_job, overrides_of

    job = current_job()
    dirs = tuple(job.folder / folder for folder in config_dirs)
    return Entry(job.folder / spec, overrides_of(config), dirs, job.series)


def compile_entry(entry: Entry, metric: str | None, environment: str | None) -> CompiledSweep:
    """Compile the point of a job.

    Raises:
        StackcError: What is wrong with it; E116 where it is several points, or
            is not measured by the metric.
    """
    sweep = compile_sweep(entry.spec, entry.overrides, entry.config_dirs, environment=environment)
    if len(sweep.points) > 1:
        raise fail(
            Code.SWEEP,
            f"a job of a Hydra application is one point, and this names {len(sweep.points):,}",
            help="let the application's sweeper choose, or use `stackc apply -m`",
        )
    if not sweep.metrics:
        raise fail(
            Code.SWEEP,
            "this stack has no model that is measured, so there is no value to return",
            help="a sweeper chooses by a metric of a model's `evaluation`",
        )
    try:
        metric_named(metric or sweep.metrics[0], sweep.metrics)
    except UnknownMetric as error:
        message = f"no model is measured by `{metric}`"
        raise fail(Code.SWEEP, message, help=error.args[1]) from None
    return sweep


def score(tried: Tried, metric: str | None) -> float:
    """The metric of the only point; not a number where it has no value.

    Raises:
        StackcError: Why the point failed.
        KeyboardInterrupt: The run was interrupted.
    """
    (point,) = tried.points
    if tried.run.status == "interrupted":
        raise KeyboardInterrupt
    if point.status != "done":
        raise StackcError(*tried.run.diagnostics)
    metrics = dict(point.metrics)
    value = metrics[metric_named(metric, list(metrics)) if metric else next(iter(metrics))]
    return float("nan") if value is None else value
