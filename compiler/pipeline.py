"""The straight line, from a spec's file to a lowered graph."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from compiler.analyse.analyse import Analysed, analyse
from compiler.analyse.lock import LOCK_NAME, Locked, read_lock, render_lock
from compiler.analyse.lock_environments import kept, seen
from compiler.analyse.memory import Memory
from compiler.analyse.schema import validate
from compiler.analyse.services import Services
from compiler.backend import Backend, Look
from compiler.chosen import service, settings_of
from compiler.codes import Code
from compiler.diagnostics import Diagnostic, Findings, Place, StackcError
from compiler.engine.durable import write
from compiler.engine.secrets import Secrets
from compiler.graph.node import Graph
from compiler.graph.operations import Params
from compiler.graph.reach import Reach
from compiler.graph.reached import reach_of
from compiler.graph.types import Column
from compiler.load import Loaded, Provenance, load, locate
from compiler.lower import Lowered, lower
from compiler.passes.driver import PASSES, Pass, run_passes
from compiler.remembering import FileMemory
from compiler.source import Sources
from specs.stack import Stack


class Compiled(Struct, frozen=True, dict=True):
    """A checked spec: its graph, and how each node would run.

    Attributes:
        stack: The typed spec.
        graph: The graph after all passes.
        written: The graph before them, each step under the name of its own block.
        lowered: Each node's backend and task.
        provenance: Where each value was written.
        sources: The texts that findings quote.
        root: The spec's folder.
        backends: The composed backends; empty means the embedded ones.
        warnings: Findings that stop nothing.
        environment: The environment of the spec that was chosen.
    """

    stack: Stack
    graph: Graph
    lowered: Lowered
    provenance: Provenance
    sources: Sources
    root: Path
    backends: Mapping[str, Any]
    warnings: tuple[Diagnostic, ...]
    environment: str | None = None
    written: Graph = Graph(())

    @cached_property
    def reach(self) -> Reach:
        """Where each column comes from and where it goes, across blocks."""
        return reach_of(self.written)


def compile_spec(
    spec: Path,
    overrides: Sequence[str] = (),
    config_dirs: Sequence[Path] = (),
    known: Mapping[str, Backend] | None = None,
    *,
    environment: str | None = None,
    keep: bool = True,
    memory: Memory | None = None,
) -> Compiled:
    """Compile a spec: load, validate, analyse, passes, lower.

    Columns that had to be inferred are written to ``stackc.lock``, unless
    nothing is to be kept.

    Args:
        spec: The spec's file.
        overrides: Hydra overrides.
        config_dirs: Folders with config groups of the user's.
        known: Backends given as values, by name, besides those that are installed.
        environment: The environment of the spec that is meant.
        keep: Whether the lock is written where columns had to be inferred.
        memory: What the compiles before have found, for this one to recall; a file of the
            user's by default.

    Raises:
        StackcError: Everything that is wrong in the first stage that found
            anything, located; its ``sources`` are the texts to quote.
    """
    sources = Sources()
    try:
        with _uncollected(once=memory is None):
            memory = memory or FileMemory.of(spec, environment)
            chunks = memory.begin()
            loaded = load(
                spec,
                overrides,
                config_dirs,
                environment=environment,
                sources=sources,
                chunks=chunks,
            )
            keeper = _write_lock if keep else _keep_nothing
            way = Way(PASSES, lambda of, found: services_of(of, found, known), keeper, memory)
            return compile_loaded(loaded, known, way)
    except StackcError as error:
        error.sources = sources
        raise


@contextmanager
def _uncollected(once: bool) -> Iterator[None]:
    """Nothing looks for garbage meanwhile: a compile makes no circles, and keeps what it makes.

    ``once`` says that no other follows: what was made counts as old then, or the next few
    values made would have all of it looked through.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            if once:
                gc.freeze()
                gc.unfreeze()
            gc.enable()


class Way(Struct, frozen=True):
    """What of the line differs between one spec and the points of a sweep.

    Attributes:
        passes: What makes the analysed graph the one that runs.
        services: What analysis asks of backends; None where the findings say why not.
        keep: Keeps the columns that were inferred.
        memory: What analysis may recall, and remembers.
    """

    passes: tuple[Pass, ...]
    services: Callable[[Loaded, Findings], Services | None]
    keep: Callable[[Loaded, Stack, dict[str, Locked], Analysed, Findings], None]
    memory: Memory | None = None


def compile_loaded(loaded: Loaded, known: Mapping[str, Backend] | None, way: Way) -> Compiled:
    """The line from a loaded spec on: validate, analyse, passes, lower.

    Raises:
        StackcError: Everything that is wrong in the first stage that found anything, located.
    """
    findings = Findings()
    stop = stopper(findings, loaded)
    stack = stop(validate(loaded.config, findings))
    services = stop(way.services(loaded, findings))
    lock = seen(read_lock(loaded.root / LOCK_NAME), loaded.environment)
    analysed = stop(
        analyse(
            stack,
            loaded.config,
            loaded.root,
            services,
            lock,
            findings,
            loaded.aliases,
            way.memory,
        )
    )
    named = _named(analysed.graph, loaded.environment)
    graph = run_passes(named, way.passes)
    lowered = stop(lower(graph, loaded.backends, findings, known))
    if analysed.inferred:
        way.keep(loaded, stack, lock, analysed, findings)
    if way.memory is not None:
        way.memory.keep(analysed.records, analysed.reads, named.keys)
    warnings = locate(findings.warnings, loaded.provenance)
    return Compiled(
        stack,
        graph,
        lowered,
        loaded.provenance,
        loaded.sources,
        loaded.root,
        loaded.backends,
        warnings,
        loaded.environment,
        analysed.graph,
    )


def _named(graph: Graph, environment: str | None) -> Graph:
    """A stack is called by its environment too: ``shop@dev``."""
    return graph if environment is None else replace(graph, name=f"{graph.name}@{environment}")


def stopper(findings: Findings, loaded: Loaded) -> Callable[[Any], Any]:
    """Hands a stage's value on, or stops with everything that the stage found."""

    def stop(value: Any) -> Any:
        if findings.errors:
            raise StackcError(*locate(findings.diagnostics, loaded.provenance))
        return value

    return stop


class _Inspector(Struct, frozen=True):
    """The read backend's look at data, imported only when a source has to be looked at."""

    root: Path
    backends: Mapping[str, Any]
    known: Mapping[str, Backend] | None

    def files(self, path: str, format: str, options: Params) -> tuple[Column, ...]:
        return self._columns("inspect_files", path, format, options)

    def database(self, connection: str, sql: str) -> tuple[Column, ...]:
        return self._columns("inspect_database", connection, sql)

    def _columns(self, name: str, *what: object) -> tuple[Column, ...]:
        findings = Findings()
        inspect = service(self.backends, "read", name, findings, self.known)
        settings = settings_of(self.backends, "read", findings, self.known)
        findings.stop_on_errors()
        assert settings is not None  # who finds none has reported why
        look = Look(self.root, settings, Secrets(self.root).resolve)
        columns: tuple[Column, ...] = inspect(*what, look)
        return columns


def services_of(
    loaded: Loaded, findings: Findings, known: Mapping[str, Backend] | None
) -> Services | None:
    """What analysis asks of the chosen backends; None where the findings say why there is none."""
    binder = service(loaded.backends, "query", "bind", findings, known)
    if binder is None:
        return None
    return Services(binder(), _Inspector(loaded.root, loaded.backends, known))


def _write_lock(
    loaded: Loaded, stack: Stack, lock: dict[str, Locked], analysed: Analysed, findings: Findings
) -> None:
    """Keep what was inferred; entries of sources that are gone, or declare columns now, go."""
    inferred = {n for n, source in stack.sources.items() if source.columns is None}
    still = {name: entry for name, entry in lock.items() if name in inferred}
    write_lock(loaded, {**still, **analysed.inferred})
    findings.diagnostics += lock_notes(analysed.inferred)


def write_lock(loaded: Loaded, used: Mapping[str, Locked]) -> None:
    """Write the columns that a spec uses now; what its other environments use stays."""
    path = loaded.root / LOCK_NAME
    entries = kept(read_lock(path), used, loaded.environment, loaded.environments)
    write(path, render_lock(entries).encode())


def _keep_nothing(*_: object) -> None:
    """An editor looks at each keystroke: what it sees is not yet what anybody meant."""


def lock_notes(inferred: Mapping[str, Locked]) -> list[Diagnostic]:
    """What is said of columns that were inferred and written to the lock."""
    found = []
    for name, entry in sorted(inferred.items()):
        count = len(entry.columns)
        columns = f"{count} columns of `{name}` were" if count > 1 else f"column of `{name}` was"
        found.append(
            Diagnostic(
                Code.LOCK_WRITTEN,
                f"the {columns} inferred and written to {LOCK_NAME}",
                Place(("sources", name), key=True),
                help=(f"commit {LOCK_NAME}, or declare `columns`",),
            )
        )
    return found
