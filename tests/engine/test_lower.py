"""Lowering: which backend runs what, and what is refused before anything runs."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from compiler.backend import Backend, Settings
from compiler.diagnostics import Diagnostic, Findings, StackcError
from compiler.lower import Lowered, lower
from tests.engine.support import KNOWN, backends, graph, line, node
from tests.engine.toybackend import Add, Numbers

ONLY = graph(
    node("sources.n/read", Numbers("numbers.txt")),
    node("datasets.a/query", Add(1), table="sources.n/read"),
)


def found(config: Any, wanted: Any = ONLY, known: Any = KNOWN) -> list[Diagnostic]:
    findings = Findings()
    lower(wanted, config, findings, known)
    return findings.diagnostics


def test_every_node_gets_a_task() -> None:
    findings = Findings()
    tasks = lower(line(), backends(shelves="here"), findings, KNOWN)
    assert findings.diagnostics == []
    assert tasks.tasks.keys() == {node.address for node in line()}
    assert tasks.digest == lower(line(), backends(shelves="here"), findings, KNOWN).digest
    assert tasks.digest != lower(line(), backends(), findings, KNOWN).digest


def test_an_unknown_backend_is_named_with_the_nearest() -> None:
    for name in ("toi", "../toy", "os.path", ""):
        (diagnostic,) = found({**backends(), "query": {"name": name}})
        assert diagnostic.code.value == "E503"
        assert diagnostic.place is not None
        assert diagnostic.place.path == ("backends", "query", "name")
    assert found({**backends(), "query": "toi"})[0].help == ("did you mean `toy`?",)


def test_a_missing_package_is_named_with_the_command_that_installs_it() -> None:
    needy = Backend("needy", {}, requires=("json", "no_such_module_here.x"), extra="needy")
    known = {**KNOWN, "needy": needy}
    (diagnostic,) = found({**backends(), "query": {"name": "needy"}}, known=known)
    assert diagnostic.code.value == "E504"
    assert "no_such_module_here" in diagnostic.message
    assert diagnostic.help == ("pip install 'stackc[needy]'",)


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({"name": "toy", "shelfs": "x"}, ("backends", "query", "shelfs")),
        ({"name": "toy", "shelves": 3}, ("backends", "query", "shelves")),
        ({"name": 3}, ("backends", "query")),
        (["toy"], ("backends", "query")),
        (None, ("backends", "query")),
    ],
)
def test_settings_are_held_against_the_backend(config: Any, path: tuple[str, ...]) -> None:
    (diagnostic,) = found({**backends(), "query": config})
    assert diagnostic.code.value == "E505"
    assert diagnostic.place is not None
    assert diagnostic.place.path == path


def test_an_unknown_capability_is_an_error() -> None:
    (diagnostic,) = found({**backends(), "querry": {"name": "toy"}})
    assert (diagnostic.code.value, diagnostic.help) == ("E505", ("did you mean `query`?",))


def test_an_operation_that_is_not_in_the_table_is_refused_once() -> None:
    known = {**KNOWN, "reader": Backend("reader", {})}
    wanted = graph(
        *ONLY.nodes,
        node("datasets.b/query", Add(2), table="sources.n/read"),
    )
    (diagnostic,) = found({**backends(), "query": {"name": "reader"}}, wanted, known)
    assert diagnostic.code.value == "E501"
    assert "datasets.a/query" in diagnostic.message


def test_a_field_that_cannot_be_honoured_is_refused_at_its_place() -> None:
    wanted = graph(
        node("sources.n/read", Numbers("numbers.txt")),
        node("datasets.a/query", Add(13), table="sources.n/read"),
    )
    (diagnostic,) = found(backends(), wanted)
    assert diagnostic.code.value == "E502"
    assert diagnostic.help == ("take another number",)
    assert diagnostic.place is not None
    assert diagnostic.place.path == ("datasets", "a", "amount")


def test_what_was_applied_is_restored_or_missed() -> None:
    tasks = Lowered({}, KNOWN)
    assert tasks.restore("toy", "Shelve", {"shelves": "x"}).settings != Settings()
    for backend, operation in (("toy", "Gone"), ("gone", "Shelve")):
        with pytest.raises(StackcError):
            tasks.restore(backend, operation, {})


def test_lowering_imports_no_module_that_a_backend_needs() -> None:
    known = {**KNOWN, "late": Backend("late", KNOWN["toy"].lowerings, requires=("turtledemo",))}
    assert all(d.code.value == "E505" for d in found({**backends(), "query": "late"}, known=known))
    assert "turtledemo" not in sys.modules
