"""The local registry: the suite, and what is damaged on the disk."""

from __future__ import annotations

from typing import ClassVar

import pytest

from backends.local import BACKEND
from backends.local.registry import LocalRegistry
from compiler.backend import Backend
from compiler.codes import Code
from compiler.diagnostics import StackcError
from compiler.engine import durable
from tests.conformance.bench import Bench
from tests.conformance.registers import REGISTER, RegistersSuite, register
from tests.house.tables import document


def registry(bench: Bench) -> LocalRegistry:
    return LocalRegistry(bench.folder / ".stackc", REGISTER.name)


class TestLocalRegistry(RegistersSuite):
    """Records and models under ``.stackc/registry``."""

    backend: ClassVar[Backend] = BACKEND

    def registered(self, bench: Bench) -> list[int]:
        return sorted(int(p.parent.name) for p in registry(bench).shelf.folder.glob("*/model.onnx"))

    def champion(self, bench: Bench) -> int | None:
        path = registry(bench).shelf.folder / "current.json"
        number: int | None = document(path)["number"] if path.exists() else None
        return number

    def spoil(self, bench: Bench, number: int) -> None:
        registry(bench).model(number).unlink()

    def test_a_damaged_record_is_no_version(self, bench: Bench) -> None:
        register(bench, "a", "op1")
        (registry(bench).shelf.folder / "1" / "record.json").write_text('{"registration": {}}')
        assert registry(bench).champion() is None
        assert register(bench, "a", "op2").attributes["version"] == 1

    def test_a_damaged_champion_is_not_opened(self, bench: Bench) -> None:
        applied = register(bench, "a", "op1")
        path = registry(bench).model(1)
        path.unlink()
        path.write_text("x")
        with pytest.raises(StackcError) as caught:
            registry(bench).open(applied.attributes["digest"])
        assert caught.value.diagnostics[0].code is Code.MODEL_UNREADABLE

    def test_a_full_disk_is_said_and_the_champion_stays(self, bench: Bench) -> None:
        register(bench, "a", "op1")

        def full(name: str) -> None:
            raise OSError(28, "No space left on device")

        with durable.injected(full), pytest.raises(StackcError) as caught:
            register(bench, "b", "op2")
        assert caught.value.diagnostics[0].code is Code.NO_SPACE
        assert self.champion(bench) == 1
