"""A look at files: what is remembered, what is passed over, and what never stops a plan."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backends.files import FilesSettings, facts
from backends.files.inspect import inspect_files
from compiler.backend import Look
from compiler.graph.operations import ReadFiles
from compiler.graph.types import Column, DataType

INT, TEXT = DataType("int64"), DataType("string")


def look_at(folder: Path) -> Look:
    return Look(folder, FilesSettings(), lambda text: text)


def asked(path: str, *columns: Column, format: str = "csv") -> ReadFiles:
    return ReadFiles(path, format, columns, ())


def kinds(folder: Path, *operations: ReadFiles) -> list[list[tuple[str, str]]]:
    """What differs, by operation: columns and how."""
    state = folder / ".stackc"
    found = facts.compare_files(operations, state, look_at(folder))
    return [[(fact.column, fact.kind) for fact in one] for one in found]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".stackc").mkdir()
    return tmp_path


class Looks:
    """Counts the looks that are taken."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.taken: list[str] = []
        real = facts._looked

        def counting(
            new: dict[str, tuple[ReadFiles, tuple[Path, ...]]], look: Look
        ) -> Mapping[str, facts.Facts]:
            self.taken += [operation.path for operation, _ in new.values()]
            return real(new, look)

        monkeypatch.setattr(facts, "_looked", counting)


def settle(path: Path) -> None:
    """Make a file old enough for its time to tell its content."""
    os.utime(path, (1_700_000_000, 1_700_000_000 + path.stat().st_size))


def test_a_file_is_looked_at_again_only_after_it_changed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = Looks(monkeypatch)
    one, two = asked("a.csv", Column("id", INT)), asked("b.csv", Column("id", INT))
    for name in ("a.csv", "b.csv"):
        (folder / name).write_text("id\n1\n")
        settle(folder / name)
    assert kinds(folder, one, two) == [[], []]
    assert kinds(folder, one, two) == [[], []]
    assert looks.taken == ["a.csv", "b.csv"]
    (folder / "b.csv").write_text("ix\n1\n2\n")
    settle(folder / "b.csv")
    wanted = [[], [("id", "missing"), ("ix", "added")]]
    assert kinds(folder, one, two) == wanted
    assert kinds(folder, one, two) == wanted, "what was found is remembered, too"
    assert looks.taken == ["a.csv", "b.csv", "b.csv"]


def test_another_contract_is_another_look(folder: Path) -> None:
    (folder / "a.csv").write_text("id\nx\n")
    assert kinds(folder, asked("a.csv", Column("id", TEXT))) == [[]]
    assert kinds(folder, asked("a.csv", Column("id", INT))) == [[("id", "type")]]


@pytest.mark.parametrize("text", ["", "{", '{"version": 7}', '{"version": 1, "looks": {"a": 3}}'])
def test_a_damaged_memory_is_no_memory(folder: Path, text: str) -> None:
    (folder / ".stackc" / "looks.json").write_text(text)
    (folder / "a.csv").write_text("id\nx\n")
    assert kinds(folder, asked("a.csv", Column("id", INT))) == [[("id", "type")]]


def test_without_a_place_to_remember_it_is_looked_at_every_time(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id\nx\n")
    for _ in range(2):
        assert kinds(tmp_path, asked("a.csv", Column("id", INT))) == [[("id", "type")]]
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


@pytest.mark.parametrize(
    ("path", "format"),
    [
        ("gone.csv", "csv"),
        ("gone/*.parquet", "parquet"),
        ("lakefs://air/main/a.csv", "csv"),
        ("s3://bucket/a.csv", "csv"),
        ("../a.csv", "csv"),
        ("ragged.csv", "csv"),
        ("folder", "csv"),
    ],
)
def test_what_cannot_be_looked_at_is_left_to_the_run(folder: Path, path: str, format: str) -> None:
    (folder / "ragged.csv").write_text("id,x\n1,2\n1,2,3,4\n")
    (folder / "folder").mkdir()
    assert kinds(folder, asked(path, Column("id", TEXT), format=format)) == [[]]


@pytest.mark.parametrize(
    ("path", "content", "code", "why"),
    [
        ("broken.parquet", b"PAR1 and nothing else", "E702", "broken.parquet"),
        ("binary.csv", b"id\n\0\1\2\n", "E702", "binary.csv"),
        ("empty.csv", b"", "E703", "`empty.csv` is empty"),
        ("list.jsonl", b"[1, 2]\n", "E702", "list.jsonl"),
        ("twice.csv", b"id,ID\n1,2\n", "E705", "two columns named `ID`"),
    ],
)
def test_a_file_that_nobody_can_read_is_told_before_the_run(
    folder: Path, path: str, content: bytes, code: str, why: str
) -> None:
    (folder / path).write_bytes(content)
    operation = asked(path, Column("id", TEXT), format=path.rpartition(".")[2])
    for _ in range(2):  # the second time as it is remembered
        ((fact,),) = facts.compare_files([operation], folder / ".stackc", look_at(folder))
        assert (fact.kind, fact.column, fact.code) == ("broken", "", code)
        assert why in fact.text


def test_a_broken_file_hides_nothing_of_another(folder: Path) -> None:
    (folder / "binary.csv").write_bytes(b"id\n\0\1\2\n")
    (folder / "a.csv").write_text("id\nx\n")
    column = Column("id", INT)
    assert kinds(folder, asked("binary.csv", column), asked("a.csv", column)) == [
        [("", "broken")], [("id", "type")],
    ]  # fmt: skip


def test_a_column_that_one_of_several_files_lacks(folder: Path) -> None:
    (folder / "1.csv").write_text("id,x\n1,2\n")
    (folder / "2.csv").write_text("id\n1\n")
    found = kinds(folder, asked("*.csv", Column("id", INT), Column("x", INT)))
    assert found == [[("x", "missing")]]


def test_of_very_many_columns_the_names_are_compared(folder: Path) -> None:
    names = [f"c{i}" for i in range(2_000)]
    (folder / "wide.csv").write_text(",".join(names) + "\n" + ",".join("x" for _ in names) + "\n")
    columns = [Column(name, INT) for name in [*names[1:], "new"]]
    assert kinds(folder, asked("wide.csv", *columns)) == [[("new", "missing"), ("c0", "added")]]


def test_a_parquet_column_that_is_never_null_is_locked_so(tmp_path: Path) -> None:
    schema = pa.schema([pa.field("id", pa.int64(), nullable=False), pa.field("x", pa.string())])
    pq.write_table(pa.table({"id": [1], "x": ["a"]}, schema), tmp_path / "a.parquet")
    found = inspect_files("a.parquet", "parquet", (), look_at(tmp_path))
    assert found == (Column("id", INT, False), Column("x", TEXT))
    pq.write_table(pa.table({"id": [None, 1], "x": ["a", "b"]}), tmp_path / "a.parquet")
    assert kinds(tmp_path, asked("a.parquet", *found, format="parquet")) == [[("id", "nulls")]]


def test_what_was_seen_is_not_repeated_once_it_is_private(folder: Path) -> None:
    (folder / "a.csv").write_text("id\nada\n")
    state, look = folder / ".stackc", look_at(folder)
    for tags, shown in (((), True), (("pii.name",), False)):
        operation = asked("a.csv", Column("id", INT, True, tags))
        ((fact,),) = facts.compare_files([operation], state, look)
        assert ("ada" in fact.text) == shown
