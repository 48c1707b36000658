"""``stackc status``: what is applied, and what it has found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from compiler.cli.options import ConfigDirs, Environment, Format, OutputFormat, Overrides, SpecPath
from compiler.cli.output import Output

if TYPE_CHECKING:
    from compiler.engine.rows import NodeRow


def command(
    spec: SpecPath,
    overrides: Overrides = None,
    config_dir: ConfigDirs = None,
    env: Environment = None,
    format: OutputFormat = Format.TEXT,
) -> int:
    """Show what is applied and what it has found."""
    from compiler.engine.project import open_project
    from compiler.engine.rollouts import look
    from compiler.pipeline import compile_spec
    from compiler.report.placing import Asked, placing
    from compiler.report.reading import document_reader
    from compiler.report.results import collect
    from compiler.report.text_results import result_lines
    from compiler.report.text_rollouts import rollout_document, rollout_lines
    from compiler.report.text_status import status_lines

    output = Output(format, "status")
    asked = Asked(spec, overrides or (), config_dir or (), env)
    compiled = compile_spec(spec, asked.overrides, asked.config_dirs, environment=env)
    with (
        placing(asked, compiled),
        open_project(compiled.root, write=False, environment=compiled.environment) as project,
    ):
        nodes = list(project.nodes().values())
        last = next(iter(project.runs(1)), None)
        results = collect(compiled.graph, document_reader(project))
        rollouts = look(project, compiled.lowered)
    output.findings(compiled.warnings, compiled.sources)
    output.lines(status_lines(nodes, last, output.style))
    output.lines(rollout_lines(rollouts, output.style))
    output.lines(result_lines(results, output.style))
    output.document(
        {
            "nodes": [_node(node) for node in nodes],
            "last_run": run_json(last) if last else None,
            "results": results.as_json(),
            "rollouts": rollout_document(rollouts),
        },
        diagnostics=compiled.warnings,
    )
    return 0


def _node(node: NodeRow) -> dict[str, Any]:
    return {
        "address": node.address,
        "key": node.key,
        "backend": node.backend,
        "finished": node.finished,
        "seconds": node.seconds,
        "summary": dict(node.summary),
        "outputs": {name: stored.digest for name, stored in node.outputs.items()},
    }


def run_json(run: Any) -> dict[str, Any]:
    """A run of the history as plain data."""
    from msgspec import to_builtins

    found: dict[str, Any] = to_builtins(run)
    return found
