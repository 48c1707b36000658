"""CSV files: UTF-8, one header, every value read as text and cast by the contract."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from backends.duckdb.connection import Connection
from backends.duckdb.text import string, strings
from backends.files.part import Part, Say, Wanted, empty, grouped, twice, unreadable

_HEAD = 1 << 20
_SEPARATORS = ",;\t|"


class Dialect(Struct, frozen=True):
    """How a CSV file is written."""

    delimiter: str = ","
    quote: str = '"'
    header: bool = True
    null_values: tuple[str, ...] = ("",)

    @classmethod
    def of(cls, wanted: Wanted) -> Dialect:
        """The dialect that the options ask for."""
        options = wanted.options
        nulls = options.get("null_values")
        return cls(
            str(options.get("delimiter") or ","),
            str(options.get("quote") or '"'),
            options.get("header") is not False,
            tuple(str(v) for v in json.loads(str(nulls))) if nulls is not None else ("",),
        )


def open_csv(
    _connection: Connection, files: Sequence[Path], wanted: Wanted, say: Say
) -> Sequence[Part]:
    """Parts of CSV files, by the names in their headers."""
    dialect = Dialect.of(wanted)
    columns = []
    for file in files:
        names = _names(file, dialect, wanted, say(file))
        twice(names, say(file))
        columns.append(tuple((name, "VARCHAR") for name in names))
    return [
        Part(
            members,
            names,
            lambda some, names=names: _scan(some, names, dialect),  # type: ignore[misc]
            "csv",
            blank_is_null="" in dialect.null_values,
            first_line=2 if dialect.header else 1,
        )
        for members, names in grouped(files, columns)
    ]


def _scan(files: Sequence[Path], columns: tuple[tuple[str, str], ...], dialect: Dialect) -> str:
    typed = ", ".join(f"{string(name)}: 'VARCHAR'" for name, _ in columns)
    return (
        f"read_csv({strings(str(f) for f in files)}, columns = {{{typed}}}, auto_detect = false, "
        f"header = {str(dialect.header).lower()}, delim = {string(dialect.delimiter)}, "
        f"quote = {string(dialect.quote)}, escape = {string(dialect.quote)}, "
        f"nullstr = {strings(dialect.null_values)}, allow_quoted_nulls = false, "
        "strict_mode = true, null_padding = false, max_line_size = 16000000)"
    )


def _names(file: Path, dialect: Dialect, wanted: Wanted, name: str) -> list[str]:
    """The columns' names from the header, or by position where there is none."""
    first = _first_record(file, dialect, name)
    if not dialect.header:
        if wanted.columns is not None and len(wanted.columns) == len(first):
            return [column.name for column in wanted.columns]
        if wanted.columns is not None:
            unreadable(
                name,
                f"has {len(first)} columns, the contract {len(wanted.columns)}",
                "without a header the contract names all columns, in the file's order",
            )
        return [f"column{i}" for i in range(len(first))]
    if any(not column.strip() for column in first):
        unreadable(name, "has a column without a name in its header")
    _refuse_other_separator(first, dialect, wanted, name)
    return first


def _first_record(file: Path, dialect: Dialect, name: str) -> list[str]:
    with file.open("rb") as handle:
        head = handle.read(_HEAD)
    if not head.strip():
        empty(name)
    _refuse_other_text(head, file, name)
    text = head.decode("utf-8-sig", errors="ignore")
    reader = csv.reader(
        text.splitlines(keepends=True), delimiter=dialect.delimiter, quotechar=dialect.quote
    )
    try:
        return next(row for row in reader if row)
    except (StopIteration, csv.Error):
        unreadable(name, "has no readable first line")


def _refuse_other_text(head: bytes, file: Path, name: str) -> None:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        unreadable(name, "is UTF-16 text", "write it as UTF-8, for example with `iconv -t utf-8`")
    if b"\0" in head:
        unreadable(name, "is binary data, no CSV", "check its `format`")
    if head.startswith(b"\x1f\x8b"):
        unreadable(name, "is compressed", "unpack it with `gunzip`")
    refuse_other_encoding(head, file, name)


def refuse_other_encoding(head: bytes, file: Path, name: str) -> None:
    """Refuse text whose beginning is not UTF-8, naming the first byte that is not."""
    try:
        head.decode()
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:  # the last character may be cut by the reading
            bad_byte(file, name)


def bad_byte(file: Path, name: str) -> None:
    """Refuse a file that is not UTF-8, naming line and byte; return where it is UTF-8."""
    at = 0
    with file.open("rb") as handle:
        for number, line in enumerate(handle, 1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                byte = line[error.start]
                unreadable(
                    name,
                    f"is not UTF-8: byte 0x{byte:02x} in line {number}",
                    "write it as UTF-8, for example with `iconv -f latin1 -t utf-8`",
                    notes=(f"it is byte {at + error.start} of the file",),
                )
            at += len(line)


def _refuse_other_separator(first: list[str], dialect: Dialect, wanted: Wanted, name: str) -> None:
    """A header that is one name with another separator in it was meant otherwise."""
    columns = wanted.columns
    if len(first) != 1 or (columns is not None and first[0] in [c.name for c in columns]):
        return
    other = next((s for s in _SEPARATORS if s != dialect.delimiter and s in first[0]), None)
    if other is not None:
        shown = "\\t" if other == "\t" else other
        unreadable(
            name,
            f"is not separated by `{dialect.delimiter}`",
            f'it seems to be separated by `{shown}`: set `csv: {{delimiter: "{shown}"}}`',
        )
