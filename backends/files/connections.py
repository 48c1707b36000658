"""Database connections by URL: open, run one query read-only, and never show a secret."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from msgspec import Struct

from backends.duckdb.parsed import statement
from backends.files.paths import resolve
from compiler.codes import Code
from compiler.diagnostics import StackcError, fail

if TYPE_CHECKING:
    import pyarrow as pa

_HIDDEN = "***"
_TIMEOUT_S = 10


class Target(Struct, frozen=True):
    """A database by its resolved URL.

    Attributes:
        kind: sqlite, duckdb or postgresql.
        template: The URL as the spec has it, with references for secrets.
        url: The URL with the secrets in it.
        file: The database's file, of an embedded database.
    """

    kind: str
    template: str
    url: str
    file: Path | None = None

    def scrub(self, text: str) -> str:
        """A driver's message without anything secret."""
        for secret in self._secrets():
            text = text.replace(secret, _HIDDEN)
        return text

    def _secrets(self) -> list[str]:
        """What must not be shown, the longest first: parts would spoil the whole's replacement."""
        found = {self.url} if self.url != self.template else set()
        found |= _filled(self.template, self.url)
        try:
            password = urlsplit(self.url).password
        except ValueError:
            password = None
        if password:
            found |= {password, unquote(password), quote(unquote(password), safe="")}
        return sorted((s for s in found if s), key=len, reverse=True)


def target_of(template: str, url: str, project: Path) -> Target:
    """Understand a connection URL.

    Raises:
        StackcError: E709 for a URL that names no known kind of database, E113
            and E701 for the file of an embedded one.
    """
    scheme = url.split("://", 1)[0].lower()
    if "://" not in url or scheme not in ("sqlite", "duckdb", "postgresql", "postgres"):
        raise fail(
            Code.CONNECTION,
            "the connection names no database that can be read",
            help="write `sqlite:///file.db`, `duckdb:///file.duckdb` or `postgresql://user@host/db`",
        )
    if scheme.startswith("postgres"):
        return Target("postgresql", template, url)
    path = unquote(url.split("://", 1)[1].split("?", 1)[0])
    if not path.startswith("/") or path == "/":
        raise fail(
            Code.CONNECTION,
            f"`{scheme}://` wants three slashes and a file",
            help=f"write `{scheme}:///relative.db`, or four slashes for an absolute path",
        )
    return Target(scheme, template, url, resolve(path[1:], project)[0].resolve())


@contextmanager
def reading(target: Target, sql: str) -> Iterator[pa.RecordBatchReader]:
    """A query's rows as Arrow batches, from a connection that cannot write.

    Raises:
        StackcError: E709 where there is no way in, E710 for what the database
            says of the query.
    """
    from adbc_driver_manager import Error

    try:
        with _cursor(target) as cursor:
            yield _execute(cursor, sql, target)
    except StackcError:
        raise
    except (Error, OSError) as error:
        raise query_failed(target, error) from None


def query_failed(target: Target, error: BaseException, columns: Sequence[str] = ()) -> StackcError:
    """The finding for a query that the database refused or broke off."""
    text = target.scrub(_short(str(error)))
    if "not a database" in text:
        return fail(
            Code.SOURCE_UNREADABLE,
            f"the connection's file is no {target.kind} database",
            help="check the file, and the kind of database that the connection begins with",
        )
    changed = re.search(r"Type mismatch in column (\d+): expected (\w+)", text)
    if changed is not None:
        number = int(changed[1])
        which = f"`{columns[number]}`" if number < len(columns) else str(number + 1)
        return fail(
            Code.VALUE_TYPE,
            f"column {which} of the query changes its type after rows of {changed[2].lower()}",
            help="convert it in the SQL, for example with `cast(... as text)`",
        )
    return fail(
        Code.QUERY_FAILED,
        f"the database refused the query: {text}",
        help="the `sql` of a source is in the database's own language; try it there",
    )


def _execute(cursor: Any, sql: str, target: Target) -> pa.RecordBatchReader:
    import duckdb

    try:
        if target.kind == "duckdb":
            return cursor.sql(sql).to_arrow_reader(65_536)
        if target.kind == "postgresql":
            cursor.execute("SET TRANSACTION READ ONLY")
            # The driver puts it in parentheses: a comment at its end would hide the last one.
            sql = statement(sql)
        else:
            cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": "65536"})
        cursor.execute(sql)
        return cursor.fetch_record_batch()
    except duckdb.Error as error:
        raise query_failed(target, error) from None
    except AttributeError:
        raise query_failed(target, ValueError("it gives no rows")) from None


@contextmanager
def _cursor(target: Target) -> Iterator[Any]:
    opened = _connect(target)
    try:
        if target.kind == "duckdb":
            yield opened
        else:
            with opened.cursor() as cursor:
                yield cursor
    finally:
        opened.close()


def _connect(target: Target) -> Any:
    import duckdb
    from adbc_driver_manager import Error

    try:
        if target.kind == "duckdb":
            return _open_duckdb(target)
        if target.kind == "sqlite":
            from adbc_driver_sqlite import dbapi as sqlite

            return sqlite.connect(f"file:{quote(str(target.file))}?mode=ro")
        from adbc_driver_postgresql import dbapi as postgresql

        return postgresql.connect(_patient(target.url))
    except ImportError as error:
        raise _driver_missing(target, error) from None
    except (Error, duckdb.Error, OSError) as error:
        raise fail(
            Code.CONNECTION,
            f"cannot connect to the {target.kind} database: {target.scrub(_short(str(error)))}",
            help="check that it runs, and the host, user, password and database of `connection`",
        ) from None


def _open_duckdb(target: Target) -> Any:
    import duckdb

    config: dict[str, str | bool | int | float | list[str]] = {
        "enable_external_access": False,
        "autoload_known_extensions": False,
        "autoinstall_known_extensions": False,
        "lock_configuration": True,
        "threads": 1,
    }
    return duckdb.connect(str(target.file), read_only=True, config=config)


def _driver_missing(target: Target, error: ImportError) -> StackcError:
    extra = "postgres" if target.kind == "postgresql" else "sqlite"
    return fail(
        Code.BACKEND_MISSING,
        f"reading {target.kind} needs a driver that is not installed ({error.name})",
        help=f"install it: `pip install 'stackc[{extra}]'`",
    )


def _patient(url: str) -> str:
    """The URL with a limit on how long a silent host is waited for."""
    if "connect_timeout" in url:
        return url
    return f"{url}{'&' if '?' in url else '?'}connect_timeout={_TIMEOUT_S}"


def _short(text: str) -> str:
    """A driver's message in one line, without the query it repeats and the path it took."""
    text = text.split("\n\nQuery was:")[0].split("\nquery:")[0].split("\nLINE ")[0]
    for noise in ("INVALID_ARGUMENT: ", "INVALID_STATE: ", "INVALID_DATA: ", "IO: ", "NOT_FOUND: "):
        text = text.removeprefix(noise)
    for noise in ("[libpq] ", "[SQLite] ", "Failed to connect: ", "Failed to prepare query: "):
        text = text.replace(noise, "")
    text = text.split("Is the server running on")[0].split(". SQLSTATE")[0]
    return " ".join(text.split())


def _filled(template: str, url: str) -> set[str]:
    """What stands in the URL where the template has its references."""
    found: set[str] = set()
    rest, at = url, template
    while "${" in at and "}" in at:
        before, _, at = at.partition("${")
        if not rest.startswith(before):
            return found | {url}
        rest = rest[len(before) :]
        _, _, at = at.partition("}")
        upto = at.split("${", 1)[0]
        end = rest.find(upto) if upto else len(rest)
        found.add(rest[: end if end >= 0 else len(rest)])
        rest = rest[max(end, 0) :]
    return found
