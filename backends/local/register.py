"""The resource Register: a packaged model as the champion of its name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from msgspec.structs import replace

from backends.local.registry import Registry, Version
from compiler.backend import Applied, Artifact, EventDraft, Json, Outcome, TaskContext
from compiler.codes import Code
from compiler.diagnostics import StackcError, fail
from compiler.graph.digest import canonical
from compiler.graph.documents import GateResult, Gates, Metrics, Registration
from compiler.graph.operations import Register


class Models:
    """Reconciles registered models; the same model again is no new version."""

    def read(self, attributes: Mapping[str, Json], context: TaskContext) -> bool:
        """Whether the version is still the champion, with its model."""
        champion = Registry(context.state, attributes["name"]).champion()
        return (
            champion is not None
            and champion.number == attributes["version"]
            and champion.digest == attributes["digest"]
            and Registry(context.state, attributes["name"]).holds(champion)
        )

    def find(self, operation_id: str, context: TaskContext) -> Applied | None:
        """The version that an interrupted apply made, if it became the champion."""
        folder = context.state / "registry"
        names = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
        for name in names:
            registry = Registry(context.state, name)
            version = registry.by_operation(operation_id)
            champion = registry.champion()
            if version is None or champion is None or champion.number < version.number:
                continue
            if registry.holds(version):
                model = registry.model(version.number)
                return _applied(version, model, context, new=len(version.operations) == 1)
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
            StackcError: A gate failed (E707); the notes hold the gate table.
        """
        gates = _gates(inputs)
        if gates is not None and not gates["passed"]:
            raise gates_failed(operation.name, gates)
        registry = Registry(context.state, operation.name)
        model = inputs["model"]
        version = registry.by_operation(operation_id)
        if version is None:
            version = _version(registry, inputs, gates, operation_id, context)
        champion = registry.champion()
        if champion is None or champion.number < version.number:
            registry.crown(version.number)
        return _applied(version, model.path, context, new=len(version.operations) == 1)

    def delete(
        self,
        attributes: Mapping[str, Json],
        operation_id: str,  # noqa: ARG002
        context: TaskContext,
    ) -> None:
        """Remove the name and all its versions."""
        Registry(context.state, attributes["name"]).clear()


def _version(
    registry: Registry,
    inputs: Mapping[str, Artifact],
    gates: Gates | None,
    operation_id: str,
    context: TaskContext,
) -> Version:
    metrics = cast(Metrics, json.loads(inputs["metrics"].path.read_bytes()))["metrics"]
    model, key = inputs["model"], context.input_keys["model"]
    champion = registry.champion()
    if champion is None or champion.digest != model.digest or not registry.holds(champion):
        return registry.add(model.path, model.digest, key, metrics, operation_id)
    held = champion.held
    if gates is not None and gates["champion"] is not None:
        # What this candidate was held against is what the next plan must find again.
        held = gates["champion"]
    registration = Registration({**champion.registration, "metrics": metrics})
    updated = replace(
        champion,
        registration=registration,
        model_key=key,
        held=held,
        operations=(*champion.operations, operation_id),
    )
    registry.write(updated)
    return updated


def _applied(version: Version, model: Path, context: TaskContext, *, new: bool) -> Applied:
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
        events=(event,) if new else (),
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
        help="improve the model, or lower the bound if it is too strict;"
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
