"""``stackc rollback``: a deployment answers with its former revision again."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import replace

from compiler.cli.frame import DONE, FAILED, INTERRUPTED, Refused
from compiler.cli.options import ConfigDirs, Environment, Format, OutputFormat, Overrides, SpecPath
from compiler.cli.output import Output

if TYPE_CHECKING:
    from compiler.engine.results import RunResult
    from compiler.pipeline import Compiled
    from compiler.report.placing import Asked

_ROOM = "deployments."


def command(
    spec: SpecPath,
    deployment: Annotated[
        str, typer.Argument(metavar="DEPLOYMENT", help="The deployment.", show_default=False)
    ],
    overrides: Overrides = None,
    config_dir: ConfigDirs = None,
    env: Environment = None,
    format: OutputFormat = Format.TEXT,
) -> int:
    """Let a deployment answer with its former revision again."""
    from compiler.cli.progress import progress_of
    from compiler.engine.apply import apply_plan
    from compiler.engine.project import open_project
    from compiler.engine.rollback import plan_rollback
    from compiler.pipeline import compile_spec
    from compiler.report.placing import Asked, placing
    from compiler.report.text_run import Telling

    if "=" in deployment:
        raise Refused("name the deployment before any override")
    output = Output(format, "rollback")
    asked = Asked(spec, overrides or (), config_dir or (), env)
    with placing(asked):
        compiled = compile_spec(spec, asked.overrides, asked.config_dirs, environment=env)
    block = _ROOM + deployment.removeprefix(_ROOM)
    with (
        placing(asked, compiled),
        open_project(compiled.root, write=True, environment=compiled.environment) as project,
    ):
        plan = plan_rollback(project, compiled.graph, compiled.lowered, block)
        with progress_of(plan, output) as progress:
            result = apply_plan(
                project, compiled.graph, compiled.lowered, plan, Telling(progress),
                command="rollback",
            )  # fmt: skip
    return _tell(compiled, result, asked, block, output)


def _tell(compiled: Compiled, result: RunResult, asked: Asked, block: str, output: Output) -> int:
    from compiler.report.placing import place_all
    from compiler.report.text_run import end_lines, run_document

    found = place_all(result.diagnostics, asked, compiled, compiled.sources)
    output.findings(found, compiled.sources)
    spec = shlex.join(asked.words)
    words = replace(asked, overrides=(block.removeprefix(_ROOM),)).words
    again = shlex.join(["stackc", "rollback", *words])
    output.lines(end_lines(result, output.style, again))
    if result.ok:
        output.line("The spec still asks for what was rolled back; once it is mended:")
        output.line(f"  stackc apply {spec}")
    output.document(run_document(result), ok=result.ok, diagnostics=found)
    if result.status == "interrupted":
        return INTERRUPTED
    return DONE if result.ok else FAILED
