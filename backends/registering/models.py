"""The resource Register, the same wherever the models are kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from msgspec.structs import replace

from backends.registering.registered import KEPT_OPERATIONS, Candidate, Registered, Registry
from compiler.backend import Applied, Artifact, EventDraft, Json, Outcome, TaskContext
from compiler.codes import Code
from compiler.diagnostics import StackcError, fail
from compiler.graph.digest import canonical
from compiler.graph.documents import GateResult, Gates, Metrics, Registration, Training
from compiler.graph.operations import Register


class Models:
    """Reconciles registered models; the same model again is no new version."""

    def registry(self, name: str, context: TaskContext) -> Registry:
        """Where the versions of a name are kept."""
        raise NotImplementedError

    def names(self, operation_id: str, context: TaskContext) -> list[str]:
        """The names that an operation may have registered a version of."""
        raise NotImplementedError

    def read(self, attributes: Mapping[str, Json], context: TaskContext) -> bool:
        """Whether the version is still the champion, with its model."""
        registry = self.registry(attributes["name"], context)
        champion = registry.champion()
        return (
            champion is not None
            and champion.number == attributes["version"]
            and champion.digest == attributes["digest"]
            and registry.holds(champion)
        )

    def find(self, operation_id: str, context: TaskContext) -> Applied | None:
        """The version that an interrupted apply made, if it became the champion."""
        for name in self.names(operation_id, context):
            registry = self.registry(name, context)
            version = registry.by_operation(operation_id)
            champion = registry.champion()
            if version is None or champion is None or champion.number < version.number:
                continue
            if registry.holds(version):
                return _applied(version, registry.open(version.digest), context)
        return None

    def apply(
        self,
        operation: Register,
        inputs: Mapping[str, Artifact],
        operation_id: str,
        context: TaskContext,
    ) -> Applied:
        """Register the model and make it the champion.

        Raises:
            StackcError: A gate failed (E707); the notes hold the gate table. Or
                the registry does not do its part.
        """
        gates = _gates(inputs)
        if gates is not None and not gates["passed"]:
            raise gates_failed(operation.name, gates)
        registry = self.registry(operation.name, context)
        version = registry.by_operation(operation_id)
        champion = registry.champion()
        if version is None:
            candidate = _candidate(operation, inputs, gates, champion, context)
            version = _version(registry, candidate, champion, operation_id)
        if champion is None or champion.number < version.number:
            registry.crown(version.number)
        return _applied(version, inputs["model"].path, context)

    def delete(
        self,
        attributes: Mapping[str, Json],
        operation_id: str,  # noqa: ARG002
        context: TaskContext,
    ) -> None:
        """Remove the name and all its versions."""
        self.registry(attributes["name"], context).clear()


def _candidate(
    operation: Register,
    inputs: Mapping[str, Artifact],
    gates: Gates | None,
    champion: Registered | None,
    context: TaskContext,
) -> Candidate:
    metrics = cast(Metrics, json.loads(inputs["metrics"].path.read_bytes()))
    training = cast(Training, json.loads(inputs["training"].path.read_bytes()))
    model = inputs["model"]
    held = champion.digest if champion is not None else None
    if champion is not None and champion.digest == model.digest:
        # What this candidate was held against is what the next plan must find again.
        judged = gates["champion"] if gates is not None else None
        held = champion.held if judged is None else judged
    registration = Registration(
        name=operation.name,
        version=0,
        digest=model.digest,
        followed=champion.digest if champion is not None else None,
        metrics=metrics["metrics"],
        algorithm=training["algorithm"],
        parameters=training["parameters"],
        dataset=operation.dataset,
        data=inputs["table"].digest,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    return Candidate(registration, inputs, context.input_keys["model"], held)


def _version(
    registry: Registry, candidate: Candidate, champion: Registered | None, operation_id: str
) -> Registered:
    """The next version, or the champion with what is new about it where it is that very model."""
    same = champion is not None and champion.digest == candidate.model.digest
    if champion is None or not same or not registry.holds(champion):
        return registry.add(candidate, operation_id)
    kept = {key: champion.registration[key] for key in ("version", "followed", "created")}
    updated = replace(
        champion,
        registration=cast(Registration, {**candidate.registration, **kept}),
        model_key=candidate.key,
        held=candidate.held,
        operations=(*champion.operations, operation_id)[-KEPT_OPERATIONS:],
    )
    registry.write(updated)
    return updated


def _applied(version: Registered, model: Path, context: TaskContext) -> Applied:
    path = context.workdir / "registration.json"
    path.write_bytes(canonical(version.registration))
    name, number = version.registration["name"], version.number
    event = EventDraft(
        type="model.registered",
        subject=context.address,
        message=f"{name} version {number} is the champion",
        data={"name": name, "version": number, "digest": version.digest},
    )
    outcome = Outcome(
        files={"model": model, "registration": path},
        summary={"version": number, "digest": version.digest[:12]},
        events=(event,) if len(version.operations) == 1 else (),
    )
    attributes = {"name": name, "version": number, "digest": version.digest}
    return Applied(attributes, outcome)


def _gates(inputs: Mapping[str, Artifact]) -> Gates | None:
    if "gates" not in inputs:
        return None
    return cast(Gates, json.loads(inputs["gates"].path.read_bytes()))


def gates_failed(name: str, gates: Gates) -> StackcError:
    """The error of a model that missed its gates, with the gate table as notes."""
    missed = [gate for gate in gates["gates"] if not gate["passed"]]
    listed = ", ".join(f"`{gate['text']}`" for gate in missed)
    return fail(
        Code.GATE_FAILED,
        f"`{name}` is not registered: {len(missed)} of {len(gates['gates'])} gates failed:"
        f" {listed}",
        help="improve the model, or move the bound if it is too strict;"
        " the champion before it stays",
        notes=tuple(_row(gate) for gate in gates["gates"]),
    )


def _row(gate: GateResult) -> str:
    mark = "passed" if gate["passed"] else "FAILED"
    compared = _number(gate["value"])
    if gate["bound"] is not None:
        compared += f" {gate['op']} {_number(gate['bound'])}"
    detail = f" ({gate['detail']})" if gate["detail"] else ""
    return f"{mark}  {gate['text']}: {compared}{detail}"


def _number(value: Any) -> str:
    return "undefined" if value is None else f"{value:.6g}"
