"""Sessions that look at SQL and reach nothing outside: no file, no network, no variable."""

from __future__ import annotations

from typing import TypeAlias

import duckdb

Session: TypeAlias = duckdb.DuckDBPyConnection


def closed() -> Session:
    """A database of its own, in memory, and a session of it."""
    return _settled(
        duckdb.connect(
            config={
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "enable_external_access": False,
                "threads": 1,
            }
        )
    )


def beside(session: Session) -> Session:
    """Another session of the same database, for another thread."""
    return _settled(session.cursor())


def _settled(session: Session) -> Session:
    """What each session has to be told anew."""
    session.execute("SET errors_as_json = true")
    # Tables are those that are declared here, never variables of this program.
    session.execute("SET python_enable_replacements = false")
    session.execute("SET TimeZone = 'UTC'")
    return session
