"""stackc from Python: compile, plan and apply, and what backends of others import.

Example:
    >>> import stackc  # doctest: +SKIP
    >>> result = stackc.apply("stack.yaml", "models.late.algorithm.max_depth=8")  # doctest: +SKIP
    >>> result.metrics["late"]["roc_auc"]  # doctest: +SKIP
    0.93
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct

from compiler.backend import (
    Applied,
    Artifact,
    Backend,
    EventDraft,
    Lowering,
    Observer,
    Outcome,
    Refusal,
    ResourceTask,
    RevisionedTask,
    Settings,
    StepTask,
    TaskContext,
    Traffic,
    WatchTask,
    WindowBatch,
)
from compiler.codes import Code
from compiler.diagnostics import Diagnostic, Findings, StackcError, fail
from compiler.graph import operations, types

if TYPE_CHECKING:
    import pyarrow as pa
    from omegaconf import DictConfig

    from compiler.engine.plan import Plan
    from compiler.engine.project import Project
    from compiler.engine.results import RunResult
    from compiler.graph.documents import Drift, Gates, Performance
    from compiler.pipeline import Compiled
    from compiler.report.results import Results

__all__ = [
    "Applied",
    "Artifact",
    "Backend",
    "Code",
    "Diagnostic",
    "EventDraft",
    "Lowering",
    "Observer",
    "Outcome",
    "Refusal",
    "ResourceTask",
    "Result",
    "RevisionedTask",
    "Settings",
    "StackcError",
    "StepTask",
    "TaskContext",
    "Traffic",
    "WatchTask",
    "WindowBatch",
    "apply",
    "compile",
    "fail",
    "operations",
    "plan",
    "rendered",
    "trial",
    "types",
]

AnyPath: TypeAlias = str | PathLike[str]


def compile(  # noqa: A001 - the field's word for it, and read as `stackc.compile`
    spec: AnyPath,
    *overrides: str,
    config_dirs: Sequence[AnyPath] = (),
    env: str | None = None,
) -> Compiled:
    """Check a spec and make its graph; nothing runs.

    Args:
        spec: The spec's file.
        *overrides: Hydra overrides: ``"models.late.seed=1"``, ``"~monitors"``.
        config_dirs: Further folders of config groups.
        env: An environment of the spec.

    Returns:
        The typed spec (``stack``), the ``graph``, and the ``warnings``.

    Raises:
        StackcError: Everything that is wrong, located; ``rendered`` shows it.
    """
    from compiler.pipeline import compile_spec

    folders = [Path(folder) for folder in config_dirs]
    return compile_spec(Path(spec), overrides, folders, environment=env)


def plan(
    spec: AnyPath,
    *overrides: str,
    config_dirs: Sequence[AnyPath] = (),
    env: str | None = None,
) -> Plan:
    """What ``apply`` would do, and why; nothing is changed.

    Example:
        >>> stackc.plan("stack.yaml").counts  # doctest: +SKIP
        {'keep': 23}

    Raises:
        StackcError: The spec is wrong, or what it names cannot be looked at.
    """
    from compiler.contracts import check_contracts
    from compiler.engine.planning import make_plan
    from compiler.engine.project import open_project
    from compiler.report.placing import Asked, placing

    compiled = compile(spec, *overrides, config_dirs=config_dirs, env=env)
    asked = Asked(Path(spec), overrides, [Path(folder) for folder in config_dirs], env)
    with (
        placing(asked, compiled),
        open_project(compiled.root, write=False, environment=env) as project,
    ):
        check_contracts(compiled, project.folder).stop_on_errors()
        return make_plan(project, compiled.graph, compiled.lowered, Findings())


def apply(
    spec: AnyPath,
    *overrides: str,
    config_dirs: Sequence[AnyPath] = (),
    env: str | None = None,
    workers: int | None = None,
) -> Result:
    """Make the stack as the spec wants it; what is done already is kept.

    Args:
        spec: The spec's file.
        *overrides: Hydra overrides.
        config_dirs: Further folders of config groups.
        env: An environment of the spec.
        workers: How many actions run at once; as many as there are cores by default.

    Returns:
        What came out: metrics, gates, drift, tables, models, the report.

    Raises:
        StackcError: Why the run failed; what finished is kept, and the next
            apply goes on from there.
        KeyboardInterrupt: The run was interrupted; the same holds.
    """
    from compiler.engine.apply import apply_plan
    from compiler.engine.planning import make_plan
    from compiler.engine.project import open_project
    from compiler.engine.workers import Limits
    from compiler.report.placing import Asked, placing

    compiled = compile(spec, *overrides, config_dirs=config_dirs, env=env)
    asked = Asked(Path(spec), overrides, [Path(folder) for folder in config_dirs], env)
    limits = Limits.of_machine(workers)
    with (
        placing(asked, compiled),
        open_project(compiled.root, write=True, environment=env, limits=limits) as project,
    ):
        wanted = make_plan(project, compiled.graph, compiled.lowered, Findings())
        run = apply_plan(project, compiled.graph, compiled.lowered, wanted)
        if run.status == "interrupted":
            raise KeyboardInterrupt
        if not run.ok:
            raise StackcError(*run.diagnostics)
    return Result(compiled, run)


def trial(
    spec: AnyPath,
    config: DictConfig | Mapping[str, Any] | Sequence[str],
    *,
    metric: str | None = None,
    config_dirs: Sequence[AnyPath] = (),
    env: str | None = None,
    workers: int | None = None,
) -> float:
    """Try one point of a stack, and return a metric: what a Hydra application's job does.

    Nothing is applied: a trial is a point of a sweep, and the jobs of one
    multirun are kept as one sweep, for ``stackc promote``. Trials of one
    project that are begun at the same time wait for each other; what they
    share is made by the first.

    Example:
        >>> @hydra.main(version_base=None, config_name="search")  # doctest: +SKIP
        ... def main(config: DictConfig) -> float:
        ...     return stackc.trial("stack.yaml", config, metric="late.roc_auc")

    Args:
        spec: The spec's file, relative to where the application was started.
        config: What to change in the spec: a config of the spec's own shape,
            or a list of overrides, as in ``HydraConfig.get().overrides.task``.
        metric: ``metric`` or ``model.metric``; by default the first one.
        config_dirs: Further folders of config groups.
        env: An environment of the spec.
        workers: How many actions run at once; as many as there are cores by default.

    Raises:
        StackcError: The point is wrong, or failed; what finished is kept.
        KeyboardInterrupt: The run was interrupted; the same holds.
    """
    try:
        return _tried(Path(spec), config, metric, [Path(f) for f in config_dirs], env, workers)
    except StackcError as error:
        # Hydra shows what it caught in its own way, with its notes.
        error.add_note(rendered(error))
        raise error from None


def _tried(
    spec: Path,
    config: DictConfig | Mapping[str, Any] | Sequence[str],
    metric: str | None,
    config_dirs: Sequence[Path],
    env: str | None,
    workers: int | None,
) -> float:
    from compiler.engine.project import open_project
    from compiler.engine.workers import Limits
    from compiler.report.placing import Asked, placing
    from compiler.sweep.carry import carry_out, looked_at
    from compiler.sweep.entry import compile_entry, entry_of, score

    with placing(Asked(spec)):
        entry = entry_of(spec, config, config_dirs)
    asked = Asked(entry.spec, entry.overrides, entry.config_dirs, env)
    with placing(asked):
        sweep = compile_entry(entry, metric, env)
    limits = Limits.of_machine(workers)
    with (
        placing(asked, sweep.points[0].compiled),
        open_project(sweep.root, write=True, environment=env, limits=limits, wait=True) as project,
    ):
        wanted = looked_at(project, sweep, Findings())
        return score(carry_out(project, sweep, wanted, series=entry.series), metric)


class Result(Struct, frozen=True, dict=True):
    """What a stack has made, read from the project when it is asked for.

    Attributes:
        compiled: The spec that was applied.
        run: How the run went; its ``status`` is ``nothing`` when nothing had changed.
    """

    compiled: Compiled
    run: RunResult

    @property
    def metrics(self) -> Mapping[str, Mapping[str, float | None]]:
        """Metrics by model: ``result.metrics["late"]["roc_auc"]``."""
        return {_name(block): m["metrics"] for block, m in self.documents.metrics.items()}

    @property
    def gates(self) -> Mapping[str, Gates]:
        """What the gates of each model said."""
        return {_name(block): gates for block, gates in self.documents.gates.items()}

    @property
    def drift(self) -> Mapping[str, Drift]:
        """The verdict of each monitor."""
        return {_name(block): drift for block, drift in self.documents.drift.items()}

    @property
    def performance(self) -> Mapping[str, Performance]:
        """How good answers were, by monitor, where labels have come."""
        return {_name(block): found for block, found in self.documents.performance.items()}

    @cached_property
    def documents(self) -> Results:
        """All documents, by kind and by the address of their block."""
        from compiler.report.reading import document_reader
        from compiler.report.results import collect

        with self._project() as project:
            return collect(self.compiled.graph, document_reader(project))

    def table(self, block: str, part: str = "table") -> pa.Table:
        """A table as the last apply left it.

        Args:
            block: ``sources.flights``, ``datasets.departures``, ``predictions.scores``.
            part: A part that a dataset was split into: ``train``, ``validation``, ``test``.

        Raises:
            StackcError: The stack makes no such table, or has not made it yet.
        """
        import pyarrow.parquet as pq

        from compiler.report.reading import table_file

        with self._project() as project:
            return pq.read_table(table_file(project, self.compiled.graph, block, part))

    def model(self, name: str) -> Path:
        """The ONNX file of a model: raw columns in, predictions out. Read it, do not write it.

        Raises:
            StackcError: There is no such model, or it was not made yet.
        """
        from compiler.report.reading import model_file

        block = name if name.startswith("models.") else f"models.{name}"
        with self._project() as project:
            return model_file(project, self.compiled.graph, block)

    def report(self, path: AnyPath | None = None) -> Path:
        """Write the HTML report, to ``.stackc/report.html`` when no path is given."""
        from compiler.engine.durable import write
        from compiler.report.page import REPORT, page

        with self._project() as project:
            place = project.folder / REPORT if path is None else Path(path)
            write(place, page(project, self.compiled).encode("utf-8", "replace"))
        return place

    def _project(self) -> Project:
        from compiler.engine.project import open_project

        environment = self.compiled.environment
        return open_project(self.compiled.root, write=False, environment=environment)


def rendered(error: StackcError) -> str:
    """An error as the command line shows it: source lines, carets, the way out."""
    from compiler.report.diagnostics import render

    return render(error.diagnostics, error.sources)


def _name(block: str) -> str:
    return block.split(".", 1)[1]
