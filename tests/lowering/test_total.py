"""Every field of every operation is read by the backend that runs it, or refused by it.

One spec means every field. It is applied with stand-ins for its operations
that note what is looked at; writing an operation down as a whole is no look.
"""

from __future__ import annotations

import inspect
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import pytest
from msgspec.structs import replace

import compiler.graph.operations as operations
from backends.host import deploy, process, watch
from backends.host.main import Host
from backends.serving.deployed import Models
from backends.serving.revisions import Revisions
from backends.serving.windows import Windows
from compiler.diagnostics import Findings, StackcError
from compiler.engine.apply import apply_plan
from compiler.engine.planning import make_plan
from compiler.engine.project import open_project
from compiler.engine.tasks import Call
from compiler.engine.workers import Workers
from compiler.graph.operations import Operation
from compiler.pipeline import Compiled, compile_spec
from tests.house.reads import SEEN, noting

HERE = Path(__file__).parent
BY_THE_ENGINE: Mapping[str, Mapping[str, str]] = {
    "Admit": {"name": "compiler.engine.verdicts"},
    "Channel": {
        "format": "compiler.engine.telling",
        "events": "compiler.engine.outbox",
        "name": "compiler.engine.outbox",
    },
    "Watch": {
        "notify": "compiler.engine.monitoring",
        "compare": "compiler.engine.monitoring",
        "within_s": "compiler.engine.measuring",
    },
}
"""What no backend has to do: the engine reads it, in the module named."""


class HostHere(process.Running, frozen=True):
    """The host in this process, asked as over its socket."""

    def ask(self, request: Mapping[str, Any], timeout: float = 5.0) -> dict[str, Any]:
        """Hand the request on."""
        assert HOST
        return HOST[0].handle(request)


HOST: list[Host] = []


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The spec with its data."""
    folder = tmp_path_factory.mktemp("whole")
    shutil.copy(HERE / "whole.yaml", folder / "stack.yaml")
    cities = ["Oslo", "Bergen", "Rome"]
    rows = [
        f"{at};{20 + at % 60};{'-' if at % 9 == 0 else at * 3.5};'{cities[at % 3]}';"
        f"2026-01-01T00:00:00;{str(at % 60 > 30).lower()}"
        for at in range(240)
    ]
    (folder / "people.csv").write_text("\n".join(["id;age;income;city;seen;bought", *rows]))
    with sqlite3.connect(folder / "cities.db") as connection:
        connection.execute("create table cities (name text, zone text)")
        connection.executemany("insert into cities values (?, 'north')", [(c,) for c in cities])
    return folder


@pytest.fixture(scope="module")
def applied(project: Path) -> Iterator[Compiled]:
    """The spec, applied with stand-ins for its operations."""
    original = Workers.run
    recorded = Revisions.record
    asked = Windows.asked

    def here(
        self: Workers, call: Call, isolation: Literal["thread", "process"], progress: Any
    ) -> Any:
        arguments = tuple(noting(a) if isinstance(a, Operation) else a for a in call.arguments)
        return original(self, replace(call, arguments=arguments), "thread", progress)

    def record(self: Revisions, number: int) -> Any:
        found = recorded(self, number)
        return found and replace(found, operation=noting(found.operation))

    def watched(self: Windows) -> Any:
        found = asked(self)
        return found and replace(found, operation=noting(found.operation))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Workers, "run", here)
        patch.setattr(Revisions, "record", record)
        patch.setattr(Windows, "asked", watched)
        patch.setenv("KEY", "a-key-that-nobody-knows")
        host = Host(project / ".stackc", Models())
        HOST[:] = [host]
        running = HostHere(0, "127.0.0.1", 1, "", str(project / ".stackc"))
        for module in (deploy, watch):
            for name in ("ensure", "running"):
                patch.setattr(module, name, lambda *_: running, raising=False)
        patch.setattr(watch, "answering", lambda *_: (running, running.ask({"do": "state"})))
        apply(project)
        found = apply(project, "models.bought.seed=6")
        judged(host)
        yield found
        host.recorders.end()


def apply(project: Path, *overrides: str) -> Compiled:
    """Apply; the second time there is a champion to be held against."""
    compiled = compile_spec(project / "stack.yaml", overrides)
    with open_project(project, write=True) as opened:
        plan = make_plan(opened, compiled.graph, compiled.lowered, Findings())
        result = apply_plan(opened, compiled.graph, compiled.lowered, plan)
    assert not result.failed, result.failed
    return compiled


def judged(host: Host) -> None:
    """Let the canary answer well, which is too early to judge, and then slowly."""
    deployed = host.models.get("api")
    assert deployed is not None
    canary = deployed.canary
    assert canary is not None
    for seconds in (0.01, 1.0):
        for _ in range(3):
            canary.new.took(200, seconds)
            canary.former.took(200, 0.01)
        host.rollouts.look()
    assert canary.verdict is not None


def kinds() -> list[type[Operation]]:
    """Every operation of the language."""
    found = [value for value in vars(operations).values() if inspect.isclass(value)]
    return [kind for kind in found if issubclass(kind, Operation) and kind is not Operation]


def test_the_spec_means_every_operation(applied: Compiled) -> None:
    """But for what stands in a sweep in the place of a publication."""
    assert {type(node.operation) for node in applied.graph} == {*kinds()} - {operations.Admit}


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_every_field_is_read_or_refused(kind: type[Operation], applied: Compiled) -> None:
    """What a backend would drop in silence is found here."""
    lowerings = [
        applied.lowered.tasks[node.address].lowering
        for node in applied.graph
        if type(node.operation) is kind
    ]
    refused = {refusal.field.split(".")[0] for low in lowerings for refusal in low.refuses}
    engine = BY_THE_ENGINE.get(kind.__name__, {})
    dropped = {*kind.__struct_fields__} - SEEN.get(kind.__name__, set()) - refused - {*engine}
    assert not dropped


@pytest.mark.parametrize(
    "name",
    [
        "Rule",
        "CleanStep",
        "Window",
        "FeatureSpec",
        "Dimension",
        "Gate",
        "Fairness",
        "Rollout",
        "AbortIf",
    ],
)
def test_every_field_of_what_operations_hold_is_read(name: str, applied: Compiled) -> None:
    kind = getattr(operations, name)
    assert {*kind.__struct_fields__} - SEEN.get(name, set()) == set()


@pytest.mark.skipif(find_spec("mlflow") is None, reason="mlflow is not installed")
@pytest.mark.filterwarnings("ignore:The ``noload`` loader")
@pytest.mark.filterwarnings("ignore:.*Any type hint is inferred")
def test_another_registry_reads_every_field_too(applied: Compiled, project: Path) -> None:
    """The same models in MLflow, and then another that its champion is held against."""
    names = ("Register", "JudgeGates", "Gate")
    before = {name: {*SEEN[name]} for name in names}
    for name in names:
        SEEN[name].clear()
    for seed in (6, 7):
        apply(project, f"models.bought.seed={seed}", "backends/register=mlflow")
    dropped = {n: {*getattr(operations, n).__struct_fields__} - SEEN[n] for n in names}
    for name in names:
        SEEN[name] |= before[name]
    assert dropped == {name: set() for name in names}


@pytest.mark.parametrize(
    ("kind", "field", "module"),
    [(kind, f, module) for kind, fields in BY_THE_ENGINE.items() for f, module in fields.items()],
)
def test_what_the_engine_reads_it_reads(kind: str, field: str, module: str) -> None:
    assert f".{field}" in inspect.getsource(import_module(module))


def test_a_field_that_is_refused_is_refused_by_its_name_and_place(project: Path) -> None:
    """The local host serves one copy, and says so before anything runs."""
    with pytest.raises(StackcError) as caught:
        compile_spec(project / "stack.yaml", ["+deployments.api.replicas={min: 2, max: 3}"])
    (found,) = caught.value.diagnostics
    assert (found.code.value, found.span is not None) == ("E502", True)
    assert "`replicas`" in found.message
