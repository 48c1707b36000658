"""Published tables on this machine: the suite, and what is damaged on the disk."""

from __future__ import annotations

from typing import ClassVar

import pytest

from backends.local import BACKEND
from compiler.backend import Backend
from compiler.graph.types import SUFFIXES, TableType
from tests.conformance.bench import Bench
from tests.conformance.versions import PUBLISH, VersionsSuite, values
from tests.house.tables import document


class TestLocalVersions(VersionsSuite):
    """Records under ``.stackc/versions``, tables in the store."""

    backend: ClassVar[Backend] = BACKEND

    def published(self, bench: Bench, name: str) -> list[int]:
        folder = bench.folder / ".stackc" / "versions" / name
        number = document(folder / "current.json")["number"]
        digest = document(folder / str(number) / "record.json")["version"]["digest"]
        objects = bench.folder / ".stackc" / "objects" / digest[:2]
        return values(objects / f"{digest[2:]}{SUFFIXES[TableType]}")

    def spoil(self, bench: Bench, name: str) -> None:
        (bench.folder / ".stackc" / "versions" / name / "1" / "record.json").unlink()

    def left(self, bench: Bench) -> list[str]:
        state = bench.folder / ".stackc"
        return sorted(path.name for path in state.rglob("*.part")) + sorted(
            path.name for path in state.glob("staged/*")
        )

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"number": 7}', b'{"number": "../x"}'])
    def test_a_damaged_pointer_is_no_current_version(self, bench: Bench, content: bytes) -> None:
        self.publish(bench, [1], "op1")
        (bench.folder / ".stackc/versions" / PUBLISH.name / "current.json").write_bytes(content)
        again = self.publish(bench, [1], "op2")
        assert again.attributes["number"] == 2
        assert self.target(bench).read(again.attributes, bench.context())
