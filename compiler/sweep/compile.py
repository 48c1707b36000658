"""The straight line of a multirun: every point compiled as a spec of its own, then one graph."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from compiler.analyse.analyse import Analysed
from compiler.analyse.lock import LOCK_NAME, Locked, read_lock
from compiler.analyse.lock_environments import seen
from compiler.analyse.services import Inspector, Services
from compiler.backend import Backend
from compiler.codes import Code
from compiler.diagnostics import Diagnostic, Findings, StackcError, fail
from compiler.graph.digest import canonical, digest
from compiler.graph.node import Graph
from compiler.graph.operations import Evaluate, Params
from compiler.graph.types import Column
from compiler.load import Loaded, load, locate
from compiler.load.command import CommandLine
from compiler.load.points import Point, points_of
from compiler.lower import Lowered
from compiler.passes.driver import SWEEP_PASSES, run_passes
from compiler.passes.join import join
from compiler.pipeline import Compiled, Way, compile_loaded, lock_notes, services_of, write_lock
from compiler.source import Sources
from specs.stack import Stack


class SweepPoint(Struct, frozen=True):
    """A compiled point: ``addresses`` says where its nodes stand in the sweep's graph."""

    point: Point
    compiled: Compiled
    addresses: Mapping[str, str]


class CompiledSweep(Struct, frozen=True, dict=True):
    """All points of a multirun as one graph of steps, and how each node would run.

    Attributes:
        points: The points in order, at least one.
        graph: What all of them need, equal nodes once.
        lowered: Each node's backend and task.
        sources: The texts that findings quote, a command line for each point among them.
        root: The spec's folder.
        overrides: The arguments that the points come from.
        config_dirs: Further folders of config groups.
        warnings: Findings that stop nothing, each once.
        environment: The environment of the spec that was chosen.
    """

    points: tuple[SweepPoint, ...]
    graph: Graph
    lowered: Lowered
    sources: Sources
    root: Path
    overrides: tuple[str, ...]
    config_dirs: tuple[Path, ...]
    warnings: tuple[Diagnostic, ...]
    environment: str | None = None

    @cached_property
    def owners(self) -> Mapping[str, SweepPoint]:
        """For each node of the graph the first point that has it."""
        return {a: p for p in reversed(self.points) for a in p.addresses.values()}

    @property
    def metrics(self) -> tuple[str, ...]:
        """What models are measured by: ``model.metric``, in the order of the spec."""
        found = {
            f"{node.block.partition('.')[2].partition('@')[0]}.{name}": None
            for node in self.graph
            if isinstance(node.operation, Evaluate)
            for name in node.operation.measured
        }
        return tuple(found)

    def holders(self, address: str) -> tuple[Point, ...]:
        """The points that need a node of the graph."""
        return tuple(one.point for one in self.points if address in one.addresses.values())

    @property
    def id(self) -> str:
        """What makes it the same sweep when it is asked for again."""
        dirs = [os.path.relpath(folder.resolve(), self.root) for folder in self.config_dirs]
        return digest([self.graph.name, self.overrides, dirs])


def compile_sweep(
    spec: Path,
    overrides: Sequence[str] = (),
    config_dirs: Sequence[Path] = (),
    known: Mapping[str, Backend] | None = None,
    *,
    environment: str | None = None,
) -> CompiledSweep:
    """Compile every point of a multirun, and join them to one graph.

    Args:
        spec: The spec's file.
        overrides: Hydra overrides, with sweeps among them.
        config_dirs: Folders with config groups of the user's.
        known: Backends given as values, by name, besides those that are installed.
        environment: The environment of the spec that is meant.

    Raises:
        StackcError: E108, E109 and E116 for the arguments; else what is wrong
            with any of the points, each finding once, with the points it is of.
    """
    sources = Sources()
    try:
        points = points_of(spec, overrides, config_dirs, sources)
        line = _Line(spec, tuple(config_dirs), known, sources, environment)
        compiled = line.compile(points)
        _same_backends(points, compiled, CommandLine(spec, overrides, config_dirs))
        noticed = locate(line.keep_lock(), compiled[0].provenance)
    except StackcError as error:
        error.sources = sources
        raise
    found = _joined(points, compiled, sources, tuple(overrides), tuple(config_dirs))
    warnings = (*noticed, *found.warnings)
    return replace(found, warnings=warnings, environment=environment)


def _joined(
    points: Sequence[Point],
    compiled: Sequence[Compiled],
    sources: Sources,
    overrides: tuple[str, ...],
    config_dirs: tuple[Path, ...],
) -> CompiledSweep:
    found = join([one.graph for one in compiled], [point.number for point in points])
    tasks = {
        addresses[node.address]: one.lowered.tasks[node.address]
        for one, addresses in zip(reversed(compiled), reversed(found.addresses), strict=True)
        for node in one.graph
    }
    return CompiledSweep(
        tuple(map(SweepPoint, points, compiled, found.addresses)),
        run_passes(found.graph, ()),
        Lowered(tasks, compiled[0].lowered.known),
        sources,
        compiled[0].root,
        overrides,
        config_dirs,
        _of_points([(p, one.warnings) for p, one in zip(points, compiled, strict=True)]),
    )


class _Line(Struct):
    """Compiles points, sharing what they share: a look at the data, and the binder."""

    spec: Path
    config_dirs: tuple[Path, ...]
    known: Mapping[str, Backend] | None
    sources: Sources
    environment: str | None
    services: dict[bytes, Services | None] = field(default_factory=dict)
    inferred: dict[str, Locked] = field(default_factory=dict)
    differing: set[str] = field(default_factory=set)
    loaded: Loaded | None = None

    def compile(self, points: Sequence[Point]) -> list[Compiled]:
        """Every point; raises what is wrong with any of them."""
        compiled: list[Compiled] = []
        failed: list[tuple[Point, tuple[Diagnostic, ...]]] = []
        for point in points:
            try:
                compiled.append(self._one(point))
            except StackcError as error:
                failed.append((point, error.diagnostics))
        if failed:
            raise StackcError(*_of_points(failed, len(points)))
        return compiled

    def _one(self, point: Point) -> Compiled:
        loaded = load(
            self.spec, point.overrides, self.config_dirs, environment=self.environment,
            sources=self.sources, name=point.source,
        )  # fmt: skip
        return compile_loaded(loaded, self.known, Way(SWEEP_PASSES, self._services, self._infer))

    def _services(self, loaded: Loaded, findings: Findings) -> Services | None:
        key = canonical(loaded.backends)
        if key not in self.services:
            found = services_of(loaded, findings, self.known)
            self.services[key] = found and Services(found.binder, _Once(found.inspector))
        return self.services[key]

    def _infer(
        self,
        loaded: Loaded,
        _stack: Stack,
        _lock: dict[str, Locked],
        analysed: Analysed,
        _findings: Findings,
    ) -> None:
        self.loaded = loaded
        for name, entry in analysed.inferred.items():
            if self.inferred.setdefault(name, entry) != entry:
                self.differing.add(name)

    def keep_lock(self) -> list[Diagnostic]:
        """Keep what was inferred of sources that all points agree on; what is said of it."""
        agreed = {name: e for name, e in self.inferred.items() if name not in self.differing}
        if agreed and self.loaded is not None:
            lock = read_lock(self.loaded.root / LOCK_NAME)
            write_lock(self.loaded, {**seen(lock, self.loaded.environment), **agreed})
        return lock_notes(agreed)


class _Once(Struct, frozen=True):
    """An inspector that looks at each thing once, however many points ask."""

    inspector: Inspector
    seen: dict[tuple[Any, ...], tuple[Column, ...]] = field(default_factory=dict)

    def files(self, path: str, format: str, options: Params) -> tuple[Column, ...]:
        """The columns of files. Raises StackcError where they cannot be read."""
        key = (path, format, options)
        if key not in self.seen:
            self.seen[key] = self.inspector.files(path, format, options)
        return self.seen[key]

    def database(self, connection: str, sql: str) -> tuple[Column, ...]:
        """The columns of a query's result. Raises StackcError where it cannot be run."""
        key = (connection, sql)
        if key not in self.seen:
            self.seen[key] = self.inspector.database(connection, sql)
        return self.seen[key]


def _same_backends(
    points: Sequence[Point], compiled: Sequence[Compiled], command: CommandLine
) -> None:
    """Equal work is done once, so it cannot be done on two backends."""
    if len({canonical(one.backends) for one in compiled}) == 1:
        return
    swept = {key for point in points for key, _ in point.choices}
    index = next(
        (
            at
            for at, text in enumerate(command.overrides)
            if text.lstrip("+~").partition("=")[0].partition("@")[0] in swept
            and text.lstrip("+~").startswith("backends")
        ),
        0,
    )
    raise fail(
        Code.SWEEP,
        "the points of a sweep run on one choice of backends, and this makes several",
        span=command.override(index),
        help="equal work is done once for all points; make a sweep for each choice of backends",
    )


def _of_points(
    found: Sequence[tuple[Point, tuple[Diagnostic, ...]]], of: int = 0
) -> tuple[Diagnostic, ...]:
    """What was found in points, each finding once, with a note of the points that it is of."""
    first: dict[Any, Diagnostic] = {}
    holders: dict[Any, list[Point]] = {}
    for point, diagnostics in found:
        for diagnostic in diagnostics:
            key = _same(diagnostic, point)
            first.setdefault(key, diagnostic)
            holders.setdefault(key, []).append(point)
    return tuple(
        replace(one, notes=(*one.notes, points_note(holders[key], of))) if of else one
        for key, one in first.items()
    )


def _same(diagnostic: Diagnostic, point: Point) -> Any:
    """What makes a finding the same in two points: not the words of their command lines."""
    own = diagnostic.span is not None and diagnostic.span.source == point.source
    return (diagnostic.code, diagnostic.message, None if own else diagnostic.span)


def points_note(points: Sequence[Point], of: int) -> str:
    """Says which of so many points a finding is of; the first by its overrides."""
    if len(points) == of > 1:
        return f"in all {of:,} points"
    first = f"point {points[0].number} ({' '.join(points[0].overrides) or 'the spec as it is'})"
    more = [str(point.number) for point in points[1:6]]
    if not more:
        return f"in {first}"
    rest = len(points) - 1 - len(more)
    return f"in {first}, and in {', '.join(more)}{f' and {rest} more' if rest else ''}"
