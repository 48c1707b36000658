"""What commands need to know of a compiled stack and its project."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from compiler.codes import Code
from compiler.diagnostics import fail

if TYPE_CHECKING:
    from compiler.graph.node import Graph
    from compiler.lower import Lowered


def backend_names(graph: Graph, lowered: Lowered) -> dict[str, str]:
    """Which backend runs each capability that the graph uses."""
    chosen = {
        node.operation.capability: lowered.tasks[node.address].backend
        for node in graph
        if node.address in lowered.tasks
    }
    return dict(sorted(chosen.items()))


def require_spec(spec: Path, environment: str | None) -> Path:
    """The folder of a spec that is there, and that has the environment that is asked for.

    Raises:
        StackcError: E105 when there is no such file, E141 when it has no such
            environment; what is wrong with the spec, where one is asked for.
    """
    if not spec.is_file():
        what = "is a folder" if spec.is_dir() else "does not exist"
        raise fail(Code.SPEC_NOT_FOUND, f"`{spec}` {what}", help="name the spec: a YAML file")
    if environment is not None:
        from compiler.load import load

        load(spec, environment=environment)
    return spec.resolve().parent
