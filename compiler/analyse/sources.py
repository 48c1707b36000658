"""Sources: from their contract, or a look at the data, to ingest nodes."""

from __future__ import annotations

import difflib
import json
import posixpath
from pathlib import PurePosixPath

from compiler.analyse.lock import Locked, origin_of
from compiler.analyse.rules import publish
from compiler.analyse.scope import Scope
from compiler.codes import Code
from compiler.diagnostics import Path, StackcError, did_you_mean
from compiler.graph.operations import Operation, Params, ReadDatabase, ReadFiles, params
from compiler.graph.types import SCALARS, Column, DataType, TableType
from specs.sources import Source

FORMATS = {
    ".csv": "csv", ".tsv": "csv", ".parquet": "parquet", ".pq": "parquet", ".jsonl": "jsonl",
    ".ndjson": "jsonl", ".arrow": "arrow", ".feather": "arrow", ".ipc": "arrow",
}  # fmt: skip
"""The format that a suffix stands for."""
SCHEMES = ("sqlite://", "duckdb://", "postgresql://", "postgres://")


def analyse_source(scope: Scope, name: str) -> None:
    """Add the nodes of one source and its table."""
    source = scope.stack.sources[name]
    path: Path = ("sources", name)
    file_format = _format(scope, source, path) if source.path else None
    if source.path and file_format is None:
        return
    if source.path and _leaves(scope, source.path, path):
        return
    if source.connection and not _connection_known(scope, source.connection, path):
        return
    columns = _columns(scope, name, source, file_format, path)
    if columns is None:
        return
    table = TableType(columns)
    operation = _operation(source, file_format, columns)
    staged = scope.add(f"sources.{name}/ingest", operation, {}, {"table": table}, path)
    publish(scope, "sources", name, table, staged)


def _operation(source: Source, format: str | None, columns: tuple[Column, ...]) -> Operation:
    if source.path is not None and format is not None:
        return ReadFiles(source.path, format, columns, options_of(source, format))
    return ReadDatabase(str(source.connection), str(source.sql), columns)


def _format(scope: Scope, source: Source, path: Path) -> str | None:
    suffix = PurePosixPath(source.path or "").suffix.lower()
    found = source.format or FORMATS.get(suffix)
    if found is None:
        scope.findings.report(
            Code.MISSING_KEY,
            f"the format of `{source.path}` cannot be told from its suffix",
            (*path, "path"),
            help="add `format: csv`, `parquet`, `jsonl` or `arrow`",
        )
    elif source.csv and found != "csv":
        message = f"`csv` options do not fit a {found} file"
        scope.findings.report(Code.BAD_VALUE, message, (*path, "csv"), key=True)
        return None
    return found


def _leaves(scope: Scope, wanted: str, path: Path) -> bool:
    """Whether a relative path climbs out of the project; links are looked at when it is read."""
    if PurePosixPath(wanted).is_absolute() or not posixpath.normpath(wanted).startswith(".."):
        return False
    scope.findings.report(
        Code.PATH_OUTSIDE,
        f"`{wanted}` leads out of the project's folder",
        (*path, "path"),
        help="move the data into the folder of the spec, or give its absolute path",
    )
    return True


def _connection_known(scope: Scope, connection: str, path: Path) -> bool:
    # A connection that is a secret as a whole shows its scheme only when it runs.
    if connection.startswith((*SCHEMES, "${secret:")):
        return True
    scope.findings.report(
        Code.BAD_VALUE,
        "unknown kind of connection",
        (*path, "connection"),
        help="known here: `sqlite:///file.db`, `duckdb:///file.duckdb`, `postgresql://…`",
    )
    return False


def options_of(source: Source, format: str) -> Params:
    """How files of a format are written, with what is left out."""
    if format != "csv":
        return ()
    delimiter = "\t" if str(source.path).lower().endswith(".tsv") else ","
    if source.csv is None:
        return params({"delimiter": delimiter, "quote": '"', "header": True, "null_values": '[""]'})
    options = source.csv.model_dump()
    return params({**options, "null_values": json.dumps(list(source.csv.null_values))})


def _columns(
    scope: Scope, name: str, source: Source, format: str | None, path: Path
) -> tuple[Column, ...] | None:
    """Declared columns, else those of the lock, else a look at the data, kept for the lock."""
    if source.columns is not None:
        return _declared(scope, source, path)
    origin = origin_of(source)
    locked = scope.lock.get(name)
    if locked is None or locked.origin != origin:
        try:
            locked = Locked(origin, _inspect(scope, source, format))
        except StackcError as error:
            for found in error.diagnostics:
                place = (*path, _blamed(source, found.code))
                scope.findings.report(
                    found.code, found.message, place, help=found.help, notes=found.notes
                )
            return None
        scope.inferred[name] = locked
    return locked.columns


def _blamed(source: Source, code: Code) -> str:
    """The key that a finding of the look at the data is about."""
    if source.path:
        return "path"
    way_in = (Code.PATH_OUTSIDE, Code.SOURCE_MISSING, Code.SOURCE_UNREADABLE, Code.CONNECTION)
    return "connection" if code in way_in else "sql"


def _inspect(scope: Scope, source: Source, format: str | None) -> tuple[Column, ...]:
    inspector = scope.services.inspector
    if source.path and format:
        return inspector.files(source.path, format, options_of(source, format))
    return inspector.database(str(source.connection), str(source.sql))


def _declared(scope: Scope, source: Source, path: Path) -> tuple[Column, ...] | None:
    columns, ok = [], True
    for column_name, column in (source.columns or {}).items():
        data_type = DataType(column.type)
        if not data_type.is_scalar:
            ok = False
            place = (*path, "columns", column_name, "type")
            message = f"`{column.type}` is no type of column `{column_name}`"
            scope.findings.report(Code.WRONG_TYPE, message, place, help=_nearest(column.type))
        ok &= _known_at_fits(scope, source, column_name, path)
        columns.append(Column(column_name, data_type, column.nullable, tuple(sorted(column.tags))))
    if not columns:
        ok = False
        scope.findings.report(
            Code.BAD_VALUE, "a table needs at least one column", (*path, "columns"), key=True
        )
    return tuple(columns) if ok else None


def _known_at_fits(scope: Scope, source: Source, name: str, path: Path) -> bool:
    """Whether what says when a column is known is a time of the same source."""
    columns = source.columns or {}
    wanted = columns[name].known_at
    if wanted is None:
        return True
    place = (*path, "columns", name, "known_at")
    if wanted not in columns:
        message, ways = f"there is no column `{wanted}`", did_you_mean(wanted, columns)
        scope.findings.report(Code.UNKNOWN_COLUMN, message, place, help=ways)
        return False
    found = DataType(columns[wanted].type)
    if found.is_temporal:
        return True
    message = f"`{wanted}` is {found}, and `{name}` has to be known at a time"
    scope.findings.report(Code.RULE_TYPE, message, place)
    return False


_OTHER_NAMES = {
    "int": "int64", "integer": "int64", "bigint": "int64", "long": "int64", "float": "float64",
    "double": "float64", "real": "float32", "number": "float64", "str": "string",
    "text": "string", "varchar": "string", "object": "string", "boolean": "bool",
    "datetime": "timestamp", "numeric": "decimal(18, 3)", "decimal": "decimal(18, 3)",
}  # fmt: skip


def _nearest(word: str) -> tuple[str, ...]:
    known = _OTHER_NAMES.get(word.lower())
    near = [known] if known else difflib.get_close_matches(word, SCALARS, n=1, cutoff=0.6)
    if near:
        return (f"did you mean `{near[0]}`?",)
    return ("known here: " + ", ".join(f"`{t}`" for t in SCALARS) + ", `decimal(p, s)`",)
