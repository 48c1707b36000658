"""Runs the benchmarks: a table on the screen, JSON in ``benchmarks/out``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.measure import ROOT, Result

GROUPS = (
    "starting", "compiling", "planning", "validating", "training", "sweeping", "serving", "large",
    "ray_serving",
)  # fmt: skip
OUT = ROOT / "benchmarks" / "out" / "results.json"


def main() -> None:
    """Parse the arguments and run what they ask for."""
    parser = argparse.ArgumentParser(prog="benchmarks.run", description=__doc__)
    parser.add_argument("groups", nargs="*", help=f"some of {', '.join(GROUPS)}; all by default")
    parser.add_argument("--peers", action="store_true", help="other tools too, where they install")
    parser.add_argument("--out", type=Path, default=OUT)
    asked = parser.parse_args()
    groups = list(asked.groups or GROUPS) + (["peers"] if asked.peers else [])
    unknown = set(groups) - {*GROUPS, "peers"}
    if unknown:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    console = Console(width=140)
    results = [result for group in groups for result in _group(group, console)]
    console.print(shown(results))
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(document(results), indent=2) + "\n", "utf-8")
    console.print(f"The figures are in {asked.out}")


def _group(name: str, console: Console) -> list[Result]:
    console.print(f"[dim]{name} …[/dim]")
    run: Callable[[Path], list[Result]] = import_module(f"benchmarks.{name}").run
    with tempfile.TemporaryDirectory(prefix="stackc-bench-") as folder:
        return run(Path(folder))


def document(results: list[Result]) -> dict[str, object]:
    """The figures with what they were taken on."""
    return {
        "machine": {
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.machine()}",
            "cpus": os.cpu_count(),
        },
        "results": [{**asdict(result), "holds": result.holds} for result in results],
    }


def shown(results: list[Result]) -> Table:
    """The figures as a table."""
    table = Table("group", "what", "figure", "asked", "", "notes", box=None)
    for result in results:
        table.add_row(
            result.group,
            result.name,
            figure(result.value, result.unit),
            _asked(result),
            {True: "yes", False: "NO", None: ""}[result.holds],
            result.notes,
        )
    return table


def figure(value: float, unit: str) -> str:
    """A value with as many digits as it deserves."""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 3
    return f"{value:,.{digits}f} {unit}"


def _asked(result: Result) -> str:
    if result.at_most is not None:
        return f"≤ {figure(result.at_most, result.unit)}"
    if result.at_least is not None:
        return f"≥ {figure(result.at_least, result.unit)}"
    return ""


if __name__ == "__main__":
    main()
