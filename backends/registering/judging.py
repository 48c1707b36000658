"""What JudgeGates does: the metrics against the gates, the champion scored on the same rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import cast

from backends.models.evaluate import overall, score
from backends.models.predict import Predictor
from backends.registering.gates import asks, judge, told
from backends.registering.registered import Registry
from compiler.backend import Artifact, EventDraft, Outcome, TaskContext
from compiler.codes import Code
from compiler.diagnostics import StackcError
from compiler.graph.digest import canonical
from compiler.graph.documents import Gates, Metrics
from compiler.graph.operations import JudgeGates

_OTHER_COLUMNS = (Code.SOURCE_COLUMNS, Code.VALUE_TYPE, Code.TRAINING_FAILED)


def judged(
    operation: JudgeGates,
    inputs: Mapping[str, Artifact],
    context: TaskContext,
    registry: Registry,
) -> Outcome:
    """Judge every gate and write ``gates``; a gate that fails raises an event.

    Raises:
        StackcError: The champion's file is missing or damaged (E715).
    """
    metrics = cast(Metrics, json.loads(inputs["metrics"].path.read_bytes()))
    champion, reason = _champion(operation, inputs, context, registry, metrics)
    results = [
        told(judge(gate, metrics["metrics"], champion, reason), metrics) for gate in operation.gates
    ]
    failed = [result["text"] for result in results if not result["passed"]]
    document = Gates(passed=not failed, champion=context.observed, gates=results)
    path = context.workdir / "gates.json"
    path.write_bytes(canonical(document))
    summary = {"passed": len(results) - len(failed), "failed": len(failed)}
    return Outcome({"gates": path}, summary, _events(operation, failed, context))


def _champion(
    operation: JudgeGates,
    inputs: Mapping[str, Artifact],
    context: TaskContext,
    registry: Registry,
    metrics: Metrics,
) -> tuple[dict[str, float | None] | None, str]:
    """The champion's metrics on the candidate's rows, or why there are none."""
    digest = context.observed
    if digest is None or not asks(operation):
        return None, ""
    if digest == inputs["model"].digest:
        return metrics["metrics"], ""
    context.progress("scoring the champion")
    predictor = Predictor.open(registry.open(digest))
    if [predictor.task.value, list(predictor.classes)] != [metrics["task"], metrics["classes"]]:
        return None, "the champion predicts something else"
    try:
        scored = score(operation.evaluation, predictor, inputs["table"].path, context.threads)
    except StackcError as error:
        first = error.diagnostics[0]
        if first.code not in _OTHER_COLUMNS:
            raise
        return None, f"the champion cannot be scored on these rows: {first.message}"
    names = [gate.metric for gate in operation.gates if gate.champion]
    return overall(names, operation.evaluation, scored), ""


def _events(
    operation: JudgeGates, failed: list[str], context: TaskContext
) -> tuple[EventDraft, ...]:
    if not failed:
        return ()
    listed = ", ".join(failed)
    event = EventDraft(
        type="gate.failed",
        subject=context.address,
        message=f"{operation.name}: {listed}",
        severity="error",
        data={"name": operation.name, "gates": failed},
    )
    return (event,)
