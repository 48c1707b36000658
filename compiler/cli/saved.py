"""Saved plans on the command line: the plan, and the spec and overrides that it was made from."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compiler.cli.output import json_text
from compiler.codes import Code
from compiler.diagnostics import StackcError, fail

if TYPE_CHECKING:
    from compiler.engine.plan import Plan
    from compiler.report.placing import Asked

_SPECS = (".yaml", ".yml")


def saved_text(plan: Plan, asked: Asked, out: Path) -> str:
    """What a plan's file holds; the paths in it are relative to the file's folder."""
    folder = out.resolve().parent
    made_from = {
        "spec": os.path.relpath(asked.spec.resolve(), folder),
        "overrides": list(asked.overrides),
        "environment": asked.environment,
        "config_dirs": [os.path.relpath(path.resolve(), folder) for path in asked.config_dirs],
    }
    return json_text({**plan.to_json(), "made_from": made_from})


def is_saved_plan(path: Path) -> bool:
    """Whether a path is meant as a saved plan and not as a spec."""
    if path.suffix.lower() in _SPECS or not path.is_file():
        return False
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return path.suffix.lower() in (".json", ".plan")
    return not (isinstance(data, dict) and "stackc" in data)


def read_saved(path: Path) -> tuple[Plan, Asked]:
    """A saved plan, and what it was made from.

    Raises:
        StackcError: E605 when it cannot be read.
    """
    from compiler.engine.plan import load_plan
    from compiler.report.placing import Asked

    plan = load_plan(path)
    data = json.loads(path.read_bytes()).get("made_from")
    if not _whole(data):
        raise _unreadable(path)
    folder = Path(os.path.relpath(path.resolve().parent))
    return plan, Asked(
        Path(os.path.normpath(folder / data["spec"])),
        tuple(data["overrides"]),
        tuple(Path(os.path.normpath(folder / name)) for name in data["config_dirs"]),
        data.get("environment"),
    )


def _whole(data: Any) -> bool:
    return (
        isinstance(data, dict)
        and isinstance(data.get("spec"), str)
        and isinstance(data.get("environment"), str | None)
        and all(
            isinstance(data.get(name), list) and all(isinstance(word, str) for word in data[name])
            for name in ("overrides", "config_dirs")
        )
    )


def _unreadable(path: Path) -> StackcError:
    return fail(
        Code.PLAN_UNREADABLE,
        f"`{path}` does not say which spec it was made from",
        help="make one with `stackc plan SPEC --out FILE`",
    )
