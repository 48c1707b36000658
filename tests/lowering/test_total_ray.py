"""Every field of what Ray Serve runs reaches Ray Serve: changed, something else is told to it.

The cluster is a stand-in that keeps what it is told.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from backends.ray import BACKEND, RaySettings, deploy, serve, told, watch
from backends.ray.deploy import Deployments
from backends.ray.replica import Served
from backends.ray.serve import Frontend
from backends.ray.watch import RayWatches
from backends.serving.deployed import Limits
from compiler.graph.operations import AbortIf, CompareProfiles, Deploy, Measure, Rollout, Watch
from compiler.graph.types import Task
from tests.conformance.bench import Bench, document
from tests.lowering.test_total import BY_THE_ENGINE

NAME = "deployments.api"
DEPLOY = Deploy(NAME, 0.5)
CHANGED: dict[str, Any] = {
    "name": "deployments.other",
    "threshold": 0.4,
    "api_key": "a-key",
    "replicas": (1, 3),
    "queue": 5,
    "rows": 50,
    "timeout_s": 3,
    "drain_s": 60,
    "key": (("id", "int64"),),
}
REFUSED = {
    refusal.field for refusal in BACKEND.lowerings[Deploy].refuses if refusal.field != "name"
}
"""Fields that nothing but what they are left out as is taken of; some names are, too."""
WATCH = Watch("monitors.live", NAME, 3600, CompareProfiles(("x",), "psi", 0.2))
WATCHED: dict[str, Any] = {
    "monitor": "monitors.other",
    "deployment": "deployments.other",
    "window_s": 60,
    "compare": CompareProfiles(("x", "y"), "psi", 0.2),
    "measure": Measure("f1", 0.6, Task.BINARY, ("id",), "late", 30),
}


class Cluster:
    """What was told last, and that everything is there."""

    def __init__(self) -> None:
        self.served: dict[str, Served] = {}
        self.replicas: dict[str, tuple[int, int]] = {}

    def run(self, served: Served, replicas: tuple[int, int], _monitors: Path) -> None:
        """Keep it."""
        self.served[served.name], self.replicas[served.name] = served, replicas

    @property
    def told(self) -> Any:
        """All of it, without what is new each time."""
        plain = [
            replace(served, model="", salt="", key=served.key and "a digest")
            for served in self.served.values()
        ]
        return plain, dict(self.replicas)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A stand-in for Ray and its Serve."""
    found = Cluster()
    monkeypatch.setattr(told, "run", found.run)
    for module in (deploy, watch):
        monkeypatch.setattr(module, "join", lambda _context: None)
    monkeypatch.setattr(watch, "told", found.served.get)
    monkeypatch.setattr(deploy, "ensure_serve", lambda *_: Frontend("127.0.0.1", 1))
    monkeypatch.setattr(deploy, "applications", frozenset)
    monkeypatch.setattr(deploy, "called", lambda *_: None)
    monkeypatch.setattr(deploy, "_answers", lambda *_: True)
    return found


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(BACKEND, tmp_path, settings=RaySettings(address="127.0.0.1:1"))


def test_a_rollout_is_refused() -> None:
    """Serve turns to another revision as a whole."""
    (refusal,) = (r for r in BACKEND.lowerings[Deploy].refuses if r.field == "rollout")
    condition = AbortIf("error_rate > 0.01", "error_rate", ">", 0.01)
    assert refusal.when(Rollout(10, 600, 100, (condition,)))
    assert not refusal.when(DEPLOY.rollout)


def test_requests_at_work_are_given_as_long_as_they_are_to_be_drained(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What Serve is told beside what its replicas are."""
    told: dict[str, Any] = {}
    stand_in = SimpleNamespace(
        deployment=lambda kind: kind,
        ingress=lambda: (
            lambda _kind: SimpleNamespace(
                options=lambda **options: (
                    told.update(options) or SimpleNamespace(bind=lambda _m: None)
                )
            )
        ),
        run=lambda *_args, **_options: None,
    )
    monkeypatch.setattr(serve, "_serve", lambda: stand_in)
    monkeypatch.setattr(serve, "_await_told", lambda _served: None)
    served = Served("api", 1, "", "", 0.5, Limits(drain_s=60))
    serve.run(served, (1, 1), tmp_path)
    assert told["graceful_shutdown_timeout_s"] >= 60


@pytest.mark.parametrize("field", [f for f in Deploy.__struct_fields__ if f not in REFUSED])
def test_every_field_of_a_deployment_is_told(field: str, cluster: Cluster, bench: Bench) -> None:
    deployed(bench, DEPLOY)
    before, cluster.served = cluster.told, {}
    deployed(bench, replace(DEPLOY, **{field: CHANGED[field]}))
    assert without_number(cluster.told) != without_number(before)


@pytest.mark.parametrize(
    "field", [f for f in Watch.__struct_fields__ if f in WATCHED or f not in BY_THE_ENGINE["Watch"]]
)
def test_every_field_of_a_monitor_is_told(field: str, cluster: Cluster, bench: Bench) -> None:
    for name in (NAME, "deployments.other"):
        deployed(bench, replace(DEPLOY, name=name))
    watched(bench, WATCH)
    (kept,) = bench.folder.glob(".stackc/ray/monitors/*")
    before = cluster.told
    RayWatches().delete({"name": kept.name, "watch": ""}, "end", bench.context())
    watched(bench, replace(WATCH, **{field: WATCHED[field]}))
    assert cluster.told != before


def deployed(bench: Bench, operation: Deploy) -> None:
    file = bench.folder / "any.json"
    file.write_text("{}")
    inputs = {name: document(file, "any") for name in ("model", "golden")}
    Deployments().apply(operation, inputs, str(bench.count), bench.context())


def watched(bench: Bench, operation: Watch) -> None:
    file = bench.folder / "any.json"
    inputs = {"reference": document(file, "any")}
    RayWatches().apply(operation, inputs, str(bench.count), bench.context())


def without_number(found: Any) -> Any:
    """A changed deployment is another revision; that alone would tell nothing."""
    served, replicas = found
    return [replace(one, revision=1) for one in served], replicas
