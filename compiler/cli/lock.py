"""``stackc lock``: look at the sources again and keep their columns in stackc.lock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from compiler.cli.frame import DONE, FAILED, Refused
from compiler.cli.options import ConfigDirs, Environment, Format, OutputFormat, Overrides, SpecPath
from compiler.cli.output import Output

if TYPE_CHECKING:
    from compiler.analyse.lock import Locked
    from compiler.report.placing import Asked

    Lock = dict[str, Locked]


def command(
    spec: SpecPath,
    overrides: Overrides = None,
    config_dir: ConfigDirs = None,
    env: Environment = None,
    update: Annotated[
        bool, typer.Option("--update", help="Also change the columns that are locked already.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing: hold files against their columns.")
    ] = False,
    format: OutputFormat = Format.TEXT,
) -> int:
    """Infer the columns that the spec leaves out, and show what changed."""
    from compiler.analyse.lock import LOCK_NAME
    from compiler.contracts import relock
    from compiler.load import load
    from compiler.pipeline import write_lock
    from compiler.report.placing import Asked, placing

    output = Output(format, "lock")
    asked = Asked(spec, overrides or (), config_dir or (), env)
    if check:
        if update:
            raise Refused("`--check` writes nothing, and `--update` writes: give one of them")
        return _checked(asked, output)
    with placing(asked):
        loaded = load(spec, asked.overrides, asked.config_dirs, environment=env)
        old, seen = relock(loaded)
    changes = _changes(old, seen)
    new = seen if update else {**seen, **_still(old, seen)}
    written = new != old
    if written:
        with placing(asked):
            write_lock(loaded, new)
    for name, lines in changes.items():
        output.line(f"sources.{name}")
        output.lines(f"  {line}" for line in lines)
    kept = [name for name in changes if new.get(name) == old.get(name)]
    output.line(_verdict(written, bool(kept), LOCK_NAME))
    output.document({"changes": {k: list(v) for k, v in changes.items()}, "written": written})
    return DONE


def _checked(asked: Asked, output: Output) -> int:
    """Tell where the data differs from the contract; 1 where it does."""
    from compiler.analyse.lock import LOCK_NAME
    from compiler.contracts import check_lock
    from compiler.diagnostics import Severity
    from compiler.load import load
    from compiler.report.placing import place_all, placing

    with placing(asked):
        loaded = load(asked.spec, asked.overrides, asked.config_dirs, environment=asked.environment)
        found, unlocked = check_lock(loaded)
        found = place_all(found, asked, None, loaded.sources)
    output.findings(found, loaded.sources)
    for name in unlocked:
        output.line(f"sources.{name} is not in {LOCK_NAME}: `stackc lock {asked.spec}` adds it")
    fits = not unlocked and not any(d.severity is Severity.ERROR for d in found)
    if fits:
        output.line("Every source in files has the columns that it should have.")
    output.document({"unlocked": [*unlocked]}, ok=fits, diagnostics=found)
    return DONE if fits else FAILED


def _still(old: Lock, seen: Lock) -> Lock:
    """What is locked and still defined as it was when it was looked at."""
    return {n: old[n] for n in old if n in seen and old[n].origin == seen[n].origin}


def _changes(old: Lock, seen: Lock) -> dict[str, tuple[str, ...]]:
    """What a fresh look shows, by source, against what is locked."""
    from compiler.analyse.lock import difference

    found = {
        name: difference(
            old[name].columns if name in old else (), seen[name].columns if name in seen else ()
        )
        for name in sorted({*old, *seen})
    }
    return {name: lines for name, lines in found.items() if lines}


def _verdict(written: bool, kept: bool, name: str) -> str:
    if kept:
        return f"The data has other columns than {name}: `--update` takes them over."
    return f"{name} is written." if written else f"{name} is up to date."
