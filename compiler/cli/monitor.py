"""``stackc monitor``: judges the traffic of deployments by window; tells of rollouts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from compiler.cli.frame import CHANGES, DONE, FAILED, Refused
from compiler.cli.options import ConfigDirs, Environment, Format, OutputFormat, Overrides, SpecPath
from compiler.cli.output import Output

if TYPE_CHECKING:
    from compiler.diagnostics import Diagnostic
    from compiler.engine.measuring import Memory
    from compiler.engine.monitoring import Judged
    from compiler.engine.rollouts import Rolling
    from compiler.pipeline import Compiled
    from compiler.report.placing import Asked

_EVERY = 15.0
"""Seconds between two looks; a window is judged that soon after it is over."""


def command(
    spec: SpecPath,
    overrides: Overrides = None,
    config_dir: ConfigDirs = None,
    env: Environment = None,
    once: Annotated[bool, typer.Option("--once", help="Look once (the default).")] = False,
    follow: Annotated[bool, typer.Option("--follow", help="Look on until interrupted.")] = False,
    close: Annotated[
        bool, typer.Option("--close", help="End the open windows now, and judge them too.")
    ] = False,
    detailed_exitcode: Annotated[
        bool,
        typer.Option(
            "--detailed-exitcode",
            help="End with 3 when something drifted or dropped, or a rollout was aborted.",
        ),
    ] = False,
    format: OutputFormat = Format.TEXT,
) -> int:
    """Judge the traffic of deployments: each window once, against what the model learned from.

    With `performance` also against labels, once they have come. Tells how rollouts stand, and
    of those that were judged.
    """
    from compiler.pipeline import compile_spec
    from compiler.report.placing import Asked, placing

    if follow and (once or close):
        raise Refused("--follow looks on: it goes with neither --once nor --close")
    output = Output(format, "monitor")
    asked = Asked(spec, overrides or (), config_dir or (), env)
    with placing(asked):
        compiled = compile_spec(spec, asked.overrides, asked.config_dirs, environment=env)
    if follow:
        _follow(compiled, asked, output)
    found, rollouts, problems = _look(compiled, asked, close, {})
    _tell(found, rollouts, problems, compiled, output)
    if any(judged.problems for judged in found):
        return FAILED
    alerts = any(judged.alert for judged in found)
    alerts |= any(rolling.promoted is False for rolling in rollouts)
    return CHANGES if detailed_exitcode and alerts else DONE


def _look(
    compiled: Compiled, asked: Asked, close: bool, memory: dict[str, Memory]
) -> tuple[tuple[Judged, ...], tuple[Rolling, ...], tuple[Diagnostic, ...]]:
    """One look, and what the channels were told of it."""
    from compiler.codes import Code
    from compiler.diagnostics import Findings, fail
    from compiler.engine import outbox
    from compiler.engine.monitoring import judge, watches
    from compiler.engine.project import open_project
    from compiler.engine.rollouts import asked_for, settle_rollouts
    from compiler.report.placing import place_all, placing

    findings = Findings()
    with (
        placing(asked, compiled),
        open_project(compiled.root, write=True, environment=compiled.environment) as project,
    ):
        if not watches(project) and not asked_for(project):
            raise fail(
                Code.NOTHING_APPLIED,
                "no monitor of a deployment and no rollout has been applied here",
                help="a monitor with `deployment:` gathers traffic once it is applied",
            )
        rollouts = settle_rollouts(project, compiled.graph, compiled.lowered)
        found = judge(project, compiled.graph, compiled.lowered, close=close, memory=memory)
        findings.add(problem for judged in found for problem in judged.problems)
        outbox.deliver(project, compiled.graph, compiled.lowered, findings)
    return found, rollouts, place_all(findings.diagnostics, asked, compiled, compiled.sources)


def _follow(compiled: Compiled, asked: Asked, output: Output) -> None:
    """Look again and again; what cannot be looked at now is looked at later."""
    from compiler.cli.frame import fail_with
    from compiler.codes import Code
    from compiler.diagnostics import StackcError

    said = ""
    memory: dict[str, Memory] = {}
    while not output.closed:
        try:
            found, rollouts, problems = _look(compiled, asked, False, memory)
        except StackcError as error:
            codes = {diagnostic.code for diagnostic in error.diagnostics}
            if Code.NOTHING_APPLIED in codes:
                raise
            # Somebody applies at this moment: the windows wait.
            if Code.STATE_LOCKED not in codes and str(error) != said:
                fail_with(output, error)
                said = str(error)
        else:
            ended = any(rolling.promoted is not None for rolling in rollouts)
            if problems or ended or any(judged.told for judged in found):
                _tell(found, rollouts, problems, compiled, output)
        time.sleep(_EVERY)


def _tell(
    found: tuple[Judged, ...],
    rollouts: tuple[Rolling, ...],
    problems: tuple[Diagnostic, ...],
    compiled: Compiled,
    output: Output,
) -> None:
    from compiler.report.text_monitor import judged_document, judged_lines
    from compiler.report.text_rollouts import rollout_document, rollout_lines

    output.findings(problems, compiled.sources)
    output.lines([*judged_lines(found, output.style), *rollout_lines(rollouts, output.style)])
    document = {**judged_document(found), "rollouts": rollout_document(rollouts)}
    failed = any(judged.problems for judged in found)
    output.document(document, ok=not failed, diagnostics=problems)
