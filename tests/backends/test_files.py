"""Ingest of files: what is taken over, and what every kind of bad file says."""

from __future__ import annotations

import datetime
import math
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backends.files.inspect import inspect_files
from backends.files.read import read_files
from compiler.codes import Code
from compiler.diagnostics import Diagnostic, StackcError
from compiler.graph.operations import ReadFiles, params
from compiler.graph.types import Column
from tests.house.tables import Rows, columns, context, digest_of, look_at, rows_of

AB = {"a": "int64", "b": "string"}


def write(folder: Path, name: str, content: str | bytes) -> str:
    """A file of the project."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return name


def read(folder: Path, name: str, wanted: dict[str, str] = AB, **options: Any) -> Path:
    """Ingest by suffix; the staged file."""
    form = {".jsonl": "jsonl", ".parquet": "parquet", ".arrow": "arrow"}.get(Path(name).suffix)
    threads = options.pop("threads", 2)
    operation = ReadFiles(name, form or "csv", columns(**wanted), params(options))
    return read_files(operation, {}, context(folder, threads=threads)).files["table"]


def rows(folder: Path, name: str, wanted: dict[str, str] = AB, **options: Any) -> Rows:
    """Ingest; the rows."""
    return rows_of(read(folder, name, wanted, **options))


def refused(folder: Path, name: str, wanted: dict[str, str] = AB, **options: Any) -> Diagnostic:
    """Ingest; the first finding."""
    with pytest.raises(StackcError) as caught:
        read(folder, name, wanted, **options)
    return caught.value.diagnostics[0]


def ipc(path: Path, table: pa.Table, stream: bool = False) -> str:
    """An Arrow IPC file of several batches."""
    path.parent.mkdir(parents=True, exist_ok=True)
    make = pa.ipc.new_stream if stream else pa.ipc.new_file
    with make(str(path), table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    return path.name


def test_csv_values_are_cast_by_the_contract(tmp_path: Path) -> None:
    text = 'a,b,c\n1,x,9\n2,,8\n5.0,"",7\n,"q\n""z""",6\n'
    assert rows(tmp_path, write(tmp_path, "a.csv", text)) == [
        {"a": 1, "b": "x"},
        {"a": 2, "b": None},
        {"a": 5, "b": ""},
        {"a": None, "b": 'q\n"z"'},
    ]


def test_every_type_is_read_from_text(tmp_path: Path) -> None:
    times = "2024-01-02,2024-01-02 10:00:00,2024-01-02T10:00:00+02"
    text = f"d,t,z,f,o,m,h,y\n{times},1e3,true,1.5,10:01,é\n"
    wanted = {
        "d": "date", "t": "timestamp", "z": "timestamptz", "f": "float32", "o": "bool",
        "m": "decimal(5, 2)", "h": "time", "y": "binary",
    }  # fmt: skip
    (row,) = rows(tmp_path, write(tmp_path, "a.csv", text), wanted)
    assert row.pop("z").isoformat() == "2024-01-02T08:00:00+00:00"
    assert row == {
        "d": datetime.date(2024, 1, 2), "t": datetime.datetime(2024, 1, 2, 10), "f": 1000.0,
        "o": True, "m": Decimal("1.50"), "h": datetime.time(10, 1), "y": "é".encode(),
    }  # fmt: skip


@pytest.mark.parametrize(
    "text", ["\ufeffa,b\n1,x\n", "a,b\r\n1,x\r\n", "a,b\n1,x", "b,z,a\nx,0,1\n"]
)
def test_csv_files_of_all_kinds_give_the_same_rows(tmp_path: Path, text: str) -> None:
    assert rows(tmp_path, write(tmp_path, "a.csv", text)) == [{"a": 1, "b": "x"}]


def test_csv_options_are_honoured(tmp_path: Path) -> None:
    name = write(tmp_path, "a.csv", "1;'x;y'\nNA;z\n")
    options: dict[str, Any] = {
        "delimiter": ";",
        "quote": "'",
        "header": False,
        "null_values": '["", "NA"]',
    }
    assert rows(tmp_path, name, **options) == [{"a": 1, "b": "x;y"}, {"a": None, "b": "z"}]


def test_json_lines_may_lack_keys(tmp_path: Path) -> None:
    text = '{"b":"x","a":1}\n\n{"a":2.0,"b":null}\n{"b":{"q":1}}\n'
    assert rows(tmp_path, write(tmp_path, "a.jsonl", text)) == [
        {"a": 1, "b": "x"},
        {"a": 2, "b": None},
        {"a": None, "b": '{"q":1}'},
    ]


@pytest.mark.parametrize("stream", [False, True])
def test_arrow_files_are_read_batch_by_batch(tmp_path: Path, stream: bool) -> None:
    table = pa.table({"b": pa.array(["x", None, "z"]).dictionary_encode(), "a": [1, 2, 3]})
    name = ipc(tmp_path / "a.arrow", table, stream)
    assert [row["b"] for row in rows(tmp_path, name)] == ["x", None, "z"]


def test_files_of_a_glob_come_in_order_whatever_their_columns(tmp_path: Path) -> None:
    write(tmp_path, "d/2.csv", "b,a\nx,2\n")
    write(tmp_path, "d/1.csv", "a,b\n1,y\n11,y\n")
    write(tmp_path, "d/10.csv", "a,b,c\n10,z,0\n")
    write(tmp_path, "d/.hidden.csv", "zzz")
    assert [row["a"] for row in rows(tmp_path, "d/*.csv")] == [1, 11, 10, 2]
    assert [row["a"] for row in rows(tmp_path, "**/*.csv")] == [1, 11, 10, 2]


@pytest.mark.parametrize(
    "name", ["it's.csv", 'q"uote.csv', "star[1].csv", "sp ace;--.csv", "ünïcode.csv", "$(x).csv"]
)
def test_hostile_file_names_are_only_names(tmp_path: Path, name: str) -> None:
    assert rows(tmp_path, write(tmp_path, name, "a,b\n1,x\n")) == [{"a": 1, "b": "x"}]


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet", "arrow"])
def test_the_same_file_is_always_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    count = 300_000 if suffix == "parquet" else 20_000
    table = pa.table({"a": list(range(count)), "b": [f"v{i % 7}" for i in range(count)]})
    if suffix == "parquet":
        pq.write_table(table, tmp_path / "x.parquet", row_group_size=70_000)
    elif suffix == "arrow":
        ipc(tmp_path / "x.arrow", table.combine_chunks().slice(0, 2000))
    elif suffix == "csv":
        write(tmp_path, "x.csv", "a,b\n" + "".join(f"{i},v{i % 7}\n" for i in range(count)))
    else:
        lines = "".join(f'{{"a":{i},"b":"v{i % 7}"}}\n' for i in range(count))
        write(tmp_path, "x.jsonl", lines)
    made = [read(tmp_path, f"x.{suffix}", threads=n) for n in (1, 2, 4, 2, 1)]
    assert len({digest_of(path) for path in made}) == 1
    found = pq.read_table(made[0]).column("a").to_pylist()
    assert found == list(range(len(found)))


@pytest.mark.parametrize(
    ("text", "wanted", "says"),
    [
        ("a,b\n1,x\nabc,y\n", AB, 'line 3: column `a` has "abc", which is no int64'),
        ('a,b\n1,x\n2,"l\nm"\n3.7,z\n', AB, 'line 5: column `a` has "3.7"'),
        ("a,b\n1e3,x\n", AB, 'line 2: column `a` has "1e3"'),
        ("a,b\n300,x\n", {"a": "int8"}, 'line 2: column `a` has "300"'),
        ("a,b\n-1,x\n", {"a": "uint32"}, 'line 2: column `a` has "-1"'),
        ("a,b\n1.505,x\n", {"a": "decimal(5, 2)"}, 'line 2: column `a` has "1.505"'),
        ("a,b\n2024-02-30,x\n", {"a": "date"}, 'line 2: column `a` has "2024-02-30"'),
        ("a,b\nmaybe,x\n", {"a": "bool"}, 'line 2: column `a` has "maybe"'),
        ("a,b\n1,x\n,y\n", {"a": "int64!"}, "line 3: column `a` has no value"),
        ("a,b\nx,1\n", {"a": "int64#pii"}, "line 2: column `a` has a value, which is no int64"),
    ],
)
def test_a_value_that_does_not_fit_is_named(
    tmp_path: Path, text: str, wanted: dict[str, str], says: str
) -> None:
    found = refused(tmp_path, write(tmp_path, "v.csv", text), wanted)
    assert found.code.value == "E704"
    assert f"`v.csv` {says}" in found.message
    assert found.help


def test_a_csv_that_changes_its_type_half_way_names_the_line(tmp_path: Path) -> None:
    lines = "".join(f"{i},x\n" for i in range(60_000))
    name = write(tmp_path, "v.csv", f"a,b\n{lines}none,x\n{lines}")
    assert [str(c.type) for c in inspect_files(name, "csv", (), look_at(tmp_path))] == [
        "int64",
        "string",
    ]
    assert 'line 60002: column `a` has "none"' in refused(tmp_path, name).message


@pytest.mark.parametrize(
    ("name", "content", "code", "says"),
    [
        ("a.csv", "", "E703", "is empty"),
        ("a.csv", "a,b\n", "E703", "has no rows"),
        ("a.csv", "a,b\n1,caf\xe9\n".encode("latin-1"), "E702", "byte 0xe9 in line 2"),
        ("a.csv", b"a,b\n" + b"1,x\n" * 300_000 + b"1,\xff\n", "E702", "byte 0xff in line 300002"),
        ("a.csv", "a,b\n1,x\n".encode("utf-16"), "E702", "UTF-16"),
        ("a.csv", bytes(range(256)) * 9, "E702", "binary"),
        ("a.csv", b"\x1f\x8b\x08" + b"zz" * 9, "E702", "compressed"),
        ("a.csv", "a,b\n1,x\n2\n3,z\n", "E702", "line 3 cannot be read: 1 values where"),
        ("a.csv", "a,b\n1,x\n2,y,z\n", "E702", "line 3 cannot be read: 3 values where"),
        ("a.csv", 'a,b\n1,"x\n2,y\n', "E702", "not closed"),
        ("a.csv", "a;b\n1;x\n", "E702", "not separated by `,`"),
        ("a.csv", "a,A,b\n1,2,x\n", "E705", "two columns named `A`"),
        ("a.csv", "a,,b\n1,2,x\n", "E702", "without a name"),
        ("a.csv", "a,bb\n1,x\n", "E705", "no column `b`"),
        ("a.jsonl", "", "E703", "is empty"),
        ("a.jsonl", '[{"a":1}]\n', "E702", "no object"),
        ("a.jsonl", '{"a":1,"b":"x"}\n{"a":2\n', "E702", "cannot be read"),
        ("a.jsonl", '{"a":1,"b":"x"}\n[2]\n', "E702", "line 2"),
        ("a.jsonl", '{"a":1,"b":"x"}\n{"a":"q"}\n', "E704", 'line 2: column `a` has "q"'),
        ("a.jsonl", '{"a":1,"bb":"x"}\n', "E705", "no column `b`"),
        ("a.jsonl", b'{"b":"caf\xe9"}\n', "E702", "byte 0xe9 in line 1"),
        ("a.parquet", b"", "E703", "is empty"),
        ("a.parquet", b"a,b\n1,x\n2,y\n", "E702", "no Parquet file"),
        ("a.arrow", b"a,b\n1,x\n2,y\n", "E702", "no Arrow IPC file"),
        ("a.arrow", b"", "E703", "is empty"),
    ],
)
def test_a_bad_file_is_refused(
    tmp_path: Path, name: str, content: str | bytes, code: str, says: str
) -> None:
    found = refused(tmp_path, write(tmp_path, name, content))
    assert found.code.value == code
    assert says in found.message
    assert f"`{name}`" in found.message


@pytest.mark.parametrize("cut", [20, 200])
@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "s.arrow"])
def test_a_file_that_was_cut_short_is_refused(tmp_path: Path, name: str, cut: int) -> None:
    table = pa.table({"a": list(range(500)), "b": [f"text {i}" for i in range(500)]})
    if name.endswith("parquet"):
        pq.write_table(table, tmp_path / name)
    else:
        ipc(tmp_path / name, table, stream=name.startswith("s"))
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[:-cut])
    assert refused(tmp_path, name).code.value == "E702"


def test_damage_inside_a_parquet_file_is_found(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": list(range(500)), "b": ["x"] * 500}), tmp_path / "a.parquet")
    whole = bytearray((tmp_path / "a.parquet").read_bytes())
    whole[100:400] = b"\xff" * 300
    (tmp_path / "a.parquet").write_bytes(bytes(whole))
    assert refused(tmp_path, "a.parquet").code.value == "E702"


@pytest.mark.parametrize("extension", ["ray.data.arrow_tensor", "arrow.py_extension_type"])
@pytest.mark.parametrize("name", ["a.parquet", "a.arrow"])
def test_pickled_types_are_refused(tmp_path: Path, name: str, extension: str) -> None:
    meta = {"ARROW:extension:name": extension, "ARROW:extension:metadata": "x"}
    schema = pa.schema([pa.field("a", pa.list_(pa.int64()), metadata=meta)])
    table = pa.table({"a": [[1]]}, schema=schema)
    if name.endswith("parquet"):
        pq.write_table(table, tmp_path / name)
    else:
        ipc(tmp_path / name, table)
    found = refused(tmp_path, name, {"a": "BIGINT[]"})
    assert found.code.value == "E702"
    assert "pickle" in found.message


@pytest.mark.parametrize(
    ("values", "wanted", "says"),
    [
        ([1.0, 2.5], "int64", 'row 2: column `a` has "2.5"'),
        ([1, 300], "int8", 'row 2: column `a` has "300"'),
        (["1", "x"], "int32", 'row 2: column `a` has "x"'),
        ([0, 2], "bool", 'row 2: column `a` has "2"'),
        ([1, None], "int64!", "row 2: column `a` has no value"),
        ([datetime.datetime(2024, 1, 1, 5)], "date", "row 1: column `a`"),
        ([[1]], "int64", "row 1: column `a`"),
    ],
)
def test_parquet_values_are_never_rounded(
    tmp_path: Path, values: list[Any], wanted: str, says: str
) -> None:
    pq.write_table(pa.table({"a": values}), tmp_path / "a.parquet")
    found = refused(tmp_path, "a.parquet", {"a": wanted})
    assert found.code.value == "E704"
    assert says in found.message


def test_types_that_cannot_become_each_other_are_named(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [datetime.date(2024, 1, 1)]}), tmp_path / "a.parquet")
    found = refused(tmp_path, "a.parquet", {"a": "float64"})
    assert found.code.value == "E704"
    assert "`a`" in found.message


def test_wider_types_are_taken(tmp_path: Path) -> None:
    made = pa.table({
        "i": pa.array([1, None], pa.int8()), "f": [1.0, 2.0],
        "t": pa.array([1, 2], pa.timestamp("ns")), "d": pa.array(["x", None]).dictionary_encode(),
    })  # fmt: skip
    pq.write_table(made, tmp_path / "a.parquet")
    wanted = {"t": "timestamp", "f": "int64", "i": "float64", "d": "string"}
    assert list(rows(tmp_path, "a.parquet", wanted)[0]) == ["t", "f", "i", "d"]


@pytest.mark.parametrize(
    ("path", "code", "says"),
    [
        ("flihgts.csv", "E701", "did you mean `flights.csv`?"),
        ("sub/x.csv", "E701", "relative to the folder of the spec"),
        ("*.parquet", "E701", "`*.parquet`"),
        ("folder", "E701", "`folder/*.parquet`"),
        ("", "E701", "empty"),
        ("a\0b", "E701", "no path"),
        ("x" * 5000 + ".csv", "E701", "no file"),
        ("s3://bucket/x.csv", "E701", "no file on this machine"),
        ("../secret.csv", "E113", "leads out"),
        ("folder/../../secret.csv", "E113", "leads out"),
        ("link.csv", "E113", "leads out"),
        ("pipe.csv", "E702", "no regular file"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused(
    tmp_path: Path, path: str, code: str, says: str
) -> None:
    project = tmp_path / "project"
    (project / "folder").mkdir(parents=True)
    write(tmp_path, "secret.csv", "a,b\n1,x\n")
    write(project, "flights.csv", "a,b\n1,x\n")
    (project / "link.csv").symlink_to(tmp_path / "secret.csv")
    os.mkfifo(project / "pipe.csv")
    found = refused(project, path)
    assert found.code.value == code
    assert says in " ".join((found.message, *found.help))


def test_an_absolute_path_may_lead_anywhere(tmp_path: Path) -> None:
    write(tmp_path, "data.csv", "a,b\n1,x\n")
    project = tmp_path / "project"
    project.mkdir()
    assert rows(project, str(tmp_path / "data.csv")) == [{"a": 1, "b": "x"}]


def test_columns_are_inferred_from_what_the_values_look_like(tmp_path: Path) -> None:
    text = (
        "i,f,s,b,d,t,z,zip,none,h\n"
        "1,1.5,x,true,2024-01-02,2024-01-02 10:00:00,2024-01-02T10:00:00Z,007,,10:00\n"
        "2,3,1,FALSE,2024-01-03,2024-01-02 10:00:00,2024-01-02 10:00:00+02,12,,11:00:01\n"
    )
    found = inspect_files(write(tmp_path, "a.csv", text), "csv", (), look_at(tmp_path))
    assert [str(column.type) for column in found] == [
        "int64", "float64", "string", "bool", "date", "timestamp", "timestamptz", "string",
        "string", "time",
    ]  # fmt: skip


def test_a_type_is_held_against_more_than_the_first_rows(tmp_path: Path) -> None:
    lines = [f"{i},{i},{i},," for i in range(3_000)]
    lines += ["1.5,x,2024-01-01,true,", "2,3,4,false,"]
    name = write(tmp_path, "a.csv", "\n".join(["a,b,c,d,e", *lines, ""]))
    found = inspect_files(name, "csv", (), look_at(tmp_path))
    assert [str(column.type) for column in found] == [
        "float64", "string", "string", "bool", "string",
    ]  # fmt: skip


def test_a_number_that_no_type_holds_whole_stays_text(tmp_path: Path) -> None:
    text = "id,huge,large,end\n99999999999999999999,1e400,1e300,inf\n1,2,3,-Infinity\n"
    name = write(tmp_path, "a.csv", text)
    found = inspect_files(name, "csv", (), look_at(tmp_path))
    assert [str(column.type) for column in found] == ["string", "string", "float64", "float64"]
    wanted = {"end": "float64", "huge": "float32"}
    assert rows(tmp_path, name, {"end": "float64"}) == [{"end": math.inf}, {"end": -math.inf}]
    assert 'line 2: column `huge` has "1e400"' in refused(tmp_path, name, wanted).message


def test_arrow_types_that_the_engine_does_not_know_are_read_as_wider_ones(tmp_path: Path) -> None:
    half = pa.array([1.5, None], pa.float32()).cast(pa.float16())
    views = {
        "s": pa.array(["x", None], pa.string_view()),
        "b": pa.array([b"x", None]).cast("binary_view"),
    }
    zoned = pa.array([1_000, None], pa.timestamp("ns", "America/New_York"))
    name = ipc(tmp_path / "a.arrow", pa.table({"h": half, **views, "t": zoned}))
    found = {c.name: str(c.type) for c in inspect_files(name, "arrow", (), look_at(tmp_path))}
    assert found == {"h": "float32", "s": "string", "b": "binary", "t": "timestamptz"}
    first, second = rows(tmp_path, name, found)
    moment = datetime.datetime(1970, 1, 1, 0, 0, 0, 1, datetime.UTC)
    assert first == {"h": 1.5, "s": "x", "b": b"x", "t": moment}
    assert set(second.values()) == {None}


def test_an_arrow_type_that_cannot_be_read_is_named_with_its_column(tmp_path: Path) -> None:
    types, offsets = pa.array([0], pa.int8()), pa.array([0], pa.int32())
    union = pa.UnionArray.from_dense(types, offsets, [pa.array([1])])
    for odd in (union, pa.array([Decimal(1)], pa.decimal256(50, 3))):
        name = ipc(tmp_path / "a.arrow", pa.table({"a": [1], "odd": odd}))
        with pytest.raises(StackcError, match="column `odd` of type") as caught:
            inspect_files(name, "arrow", (), look_at(tmp_path))
        assert caught.value.diagnostics[0].code is Code.SOURCE_UNREADABLE


def test_two_thousand_columns_are_inferred_in_one_go(tmp_path: Path) -> None:
    names = [f'"c ""{i}"' for i in range(2_000)]
    line = ",".join("" if i == 7 else "x" if i % 3 == 0 else str(i) for i in range(2_000))
    name = write(tmp_path, "wide.csv", "\n".join([",".join(names), line, line, ""]))
    found = inspect_files(name, "csv", (), look_at(tmp_path))
    assert [column.name for column in found[:2]] == ['c "0', 'c "1']
    assert [str(c.type) for c in found[:8]] == [
        "string", "int64", "int64", "string", "int64", "int64", "string", "string",
    ]  # fmt: skip
    assert len(found) == 2_000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,b\n1,2\n3\n", "`x.csv` line 3 cannot be read: 1 values where the header has 2"),
        ("a,b\n\u00fc,1\n".encode("latin1"), "`x.csv` is not UTF-8: byte 0xfc in line 2"),
        (b"a,b\n1,2\r\n3,4\r5,6\n", "`x.csv` cannot be read: its lines end in different ways"),
        (b"a\n" + b"x" * 17_000_000, "`x.csv` line 2 cannot be read: the line is longer than 16"),
    ],
)
def test_a_broken_text_file_is_named_as_such_when_it_is_looked_at(
    tmp_path: Path, content: bytes, message: str
) -> None:
    with pytest.raises(StackcError) as caught:
        inspect_files(write(tmp_path, "x.csv", content), "csv", (), look_at(tmp_path))
    (found,) = caught.value.diagnostics
    assert found.code is Code.SOURCE_UNREADABLE
    assert found.message.startswith(message)


def test_broken_json_lines_are_named_when_they_are_looked_at(tmp_path: Path) -> None:
    name = write(tmp_path, "x.jsonl", '{"a":1}\n{"a":\n')
    with pytest.raises(StackcError, match=r"`x.jsonl` line \d cannot be read") as caught:
        inspect_files(name, "jsonl", (), look_at(tmp_path))
    assert caught.value.diagnostics[0].code is Code.SOURCE_UNREADABLE


def test_columns_of_the_other_formats_are_inferred(tmp_path: Path) -> None:
    text = '{"a":1,"b":"x"}\n{"c":1.5,"a":2,"d":{"q":1},"e":true}\n'
    name = write(tmp_path, "a.jsonl", text)
    wanted = columns(a="int64", b="string", c="float64", d="string", e="bool")
    assert inspect_files(name, "jsonl", (), look_at(tmp_path)) == wanted
    table = pa.table({"a": pa.array([1], pa.int16()), "l": [[1]], "n": pa.array([None])})
    pq.write_table(table, tmp_path / "a.parquet")
    ipc(tmp_path / "a.arrow", table)
    for form in ("parquet", "arrow"):
        found = inspect_files(f"a.{form}", form, (), look_at(tmp_path))
        assert [str(column.type) for column in found] == ["int16", "BIGINT[]", "int32"]


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=300), st.sampled_from(["csv", "jsonl", "parquet", "arrow"]))
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes, suffix: str) -> None:
    name = write(tmp_path, f"x.{suffix}", content)
    try:
        found = inspect_files(name, suffix, (), look_at(tmp_path))
        read(tmp_path, name, {c.name: _loose(c) for c in found})
    except StackcError as error:
        assert all(d.code.value in ("E702", "E703", "E704", "E705") for d in error.diagnostics)


def _loose(column: Column) -> str:
    return str(column.type) if column.type.is_scalar else "string"
