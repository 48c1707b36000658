"""``stackc compile``: check a spec and make its graph; nothing runs and nothing is kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from compiler.cli.frame import PIPE_CLOSED, Refused
from compiler.cli.options import CompileFormat, ConfigDirs, Environment, Overrides, SpecPath
from compiler.cli.output import Output, json_text, program_version
from compiler.diagnostics import StackcError
from compiler.report.placing import Asked

if TYPE_CHECKING:
    from compiler.analyse.memory import Memory
    from compiler.pipeline import Compiled


def command(
    spec: SpecPath,
    overrides: Overrides = None,
    config_dir: ConfigDirs = None,
    env: Environment = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the graph as JSON there.")
    ] = None,
    format: Annotated[
        CompileFormat, typer.Option("--format", help="Text, JSON, or SARIF for code hosts.")
    ] = CompileFormat.TEXT,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Again at each change of a file, until Ctrl-C.")
    ] = False,
) -> int:
    """Check a spec and make its graph."""
    output = Output(format, "compile")
    asked = Asked(spec, overrides or (), config_dir or (), env)
    if not watch:
        return _compile(asked, out, output)
    if output.json:
        raise Refused("--watch shows text: a program compiles again when it likes")
    from compiler.analyse.memory import Memory
    from compiler.cli.watch import again_and_again

    memory = Memory()
    again_and_again(asked, output, lambda: _compile(asked, out, output, memory))
    return PIPE_CLOSED


def _compile(asked: Asked, out: Path | None, output: Output, memory: Memory | None = None) -> int:
    from compiler.pipeline import compile_spec

    sarif = output.format == CompileFormat.SARIF
    try:
        compiled = compile_spec(
            asked.spec,
            asked.overrides,
            asked.config_dirs,
            environment=asked.environment,
            memory=memory,
        )
    except StackcError as error:
        if not sarif:
            raise
        _write_sarif(error, output)
        return 1
    if out is not None:
        from compiler.cli.files import write_bytes
        from compiler.graph.serialize import to_bytes

        write_bytes(out, to_bytes(compiled.graph))
    if sarif:
        _write_sarif(StackcError(*compiled.warnings), output)
    else:
        _answer(compiled, out, output)
    return 0


def _write_sarif(found: StackcError, output: Output) -> None:
    from compiler.report.sarif import to_sarif

    output.raw(json_text(to_sarif(found.diagnostics, program_version())))


def _answer(compiled: Compiled, out: Path | None, output: Output) -> None:
    from compiler.cli.project import backend_names
    from compiler.report.text_graph import blocks, graph_lines

    graph = compiled.graph
    chosen = backend_names(graph, compiled.lowered)
    output.findings(compiled.warnings, compiled.sources)
    output.lines(graph_lines(graph, chosen, output.style))
    if out is not None:
        output.line(f"The graph is in {out}")
    if not output.json:
        return
    output.document(
        {
            "name": graph.name,
            "graph": graph.digest,
            "nodes": len(graph),
            "blocks": {block: [n.step for n in nodes] for block, nodes in blocks(graph).items()},
            "backends": chosen,
            "out": str(out) if out else None,
        },
        diagnostics=compiled.warnings,
    )
