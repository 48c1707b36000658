"""Every field of what keeps versions is read or refused, wherever they are kept."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

import pytest

import compiler.graph.operations as operations
from compiler.backend import Backend, Settings
from compiler.graph.operations import Operation, Publish
from tests.conformance.bench import Bench
from tests.conformance.versions import PUBLISH, made
from tests.house.cli import ROOT
from tests.house.reads import noting, reading
from tests.lakefs_double.contract import QUIET

pytestmark = QUIET


def plain(_request: pytest.FixtureRequest) -> Settings:
    return Settings()


def of_dvc(_request: pytest.FixtureRequest) -> Settings:
    pytest.importorskip("dvc")
    from backends.dvc import DvcSettings

    return DvcSettings()


def of_lakefs(request: pytest.FixtureRequest) -> Settings:
    pytest.importorskip("lakefs")
    from backends.lakefs import LakefsSettings

    double = request.getfixturevalue("double")
    return LakefsSettings(endpoint=double.endpoint, storage_namespace="s3://lake/one")


PLACES: Mapping[str, Callable[[pytest.FixtureRequest], Settings]] = {
    "local": plain,
    "dvc": of_dvc,
    "lakefs": of_lakefs,
}


def backend(name: str) -> Backend:
    found: Backend = import_module(f"backends.{name}").BACKEND
    return found


def test_no_place_is_left_out() -> None:
    assert {p.stem for p in (ROOT / "conf/backends/version").glob("*.yaml")} == {*PLACES}


@pytest.mark.parametrize("name", PLACES)
def test_every_operation_on_versions_is_lowered(name: str) -> None:
    found = [value for value in vars(operations).values() if inspect.isclass(value)]
    wanted = {kind for kind in found if issubclass(kind, Operation) and _versions(kind)}
    assert {kind for kind in backend(name).lowerings if _versions(kind)} == wanted == {Publish}


@pytest.mark.parametrize("name", PLACES)
def test_every_field_is_read_or_refused(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    bench = Bench(backend(name), tmp_path, settings=PLACES[name](request))
    task, inputs = bench.target(PUBLISH)(), {"table": made(bench, [1])}
    with reading(Publish) as seen:
        task.apply(noting(PUBLISH), inputs, "op1", bench.context())
    refused = {refusal.field.split(".")[0] for refusal in bench.lowering(PUBLISH).refuses}
    assert seen | refused == {*Publish.__struct_fields__}


def _versions(kind: type[Operation]) -> bool:
    """Admit, which stands in a sweep in the place of Publish, is the engine's own."""
    return getattr(kind, "capability", None) == "version" and kind is not operations.Admit
