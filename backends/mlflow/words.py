"""What people read in MLflow of a registration: names, tags, a description with the way back."""

from __future__ import annotations

import getpass
from pathlib import Path

from compiler.graph.documents import GateResult, Gates, Registration

OPERATION, NOTE = "stackc.operation", "mlflow.note.content"
EXPERIMENT = {"mlflow.experimentKind": "custom_model_development"}
"""Which of its two faces MLflow shows an experiment with."""
_LONGEST = 4_000


def run_name(registration: Registration) -> str:
    """The model's name and the beginning of its content's digest."""
    return f"{short(registration['name'])}-{registration['digest'][:8]}"


def short(address: str) -> str:
    """The name of a block without its kind."""
    return address.rpartition(".")[2]


def tags(registration: Registration, operation_id: str) -> dict[str, str]:
    """What a run, a model and a version are found by."""
    return {
        "stackc.block": registration["name"],
        "stackc.dataset": registration["dataset"],
        "stackc.data": registration["data"],
        "stackc.model": registration["digest"],
        OPERATION: operation_id,
    }


def shown(note: str, project: Path) -> dict[str, str]:
    """The tags that MLflow's own pages show: who, from where, and the description."""
    return {
        "mlflow.user": _user(),
        "mlflow.source.type": "PROJECT",
        "mlflow.source.name": project.name,
        NOTE: note,
    }


def description(registration: Registration, gates: Gates | None, project: Path) -> str:
    """Where the model comes from and what it had to reach, in Markdown."""
    followed = registration["followed"]
    lines = [
        f"Made by stackc from `{registration['name']}` of the spec in `{project.name}`,"
        f" with the data of `{registration['dataset']}` (content `{registration['data'][:12]}`).",
        f"The model is `{registration['digest'][:12]}`;"
        + (f" the champion before it was `{followed[:12]}`." if followed else " it is the first."),
    ]
    if gates is not None:
        lines += ["", "| gate | value | bound | |", "|---|---|---|---|"]
        lines += [_row(gate) for gate in gates["gates"]]
    return "\n".join(lines)[:_LONGEST]


def _row(gate: GateResult) -> str:
    judged = "passed" if gate["passed"] else "failed"
    detail = f" ({gate['detail']})" if gate["detail"] else ""
    shown = (_number(gate["value"]), _number(gate["bound"]))
    return f"| {gate['text']} | {shown[0]} | {shown[1]} | {judged}{detail} |"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
