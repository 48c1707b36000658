"""Sessions that look at SQL and reach nothing outside: no file, no network, no variable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import duckdb
from msgspec import Struct

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

_T = TypeVar("_T")
Session: TypeAlias = duckdb.DuckDBPyConnection


class Sessions(Struct, dict=True):
    """Two sessions of one database, in memory and of their own, each made when it is first asked.

    One is asked here. The other is a thread's, which lets go of the interpreter while DuckDB
    works, so that two cores are busy.
    """

    @cached_property
    def here(self) -> Session:
        """The session of whoever has these."""
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

    def aside(
        self, what: Callable[[Session, Sequence[str]], _T], texts: Sequence[str]
    ) -> Future[_T]:
        """Ask the other session about texts, after all that it was asked before."""
        return self._thread.submit(what, self._beside, texts)

    @cached_property
    def _beside(self) -> Session:
        return _settled(self.here.cursor())

    @cached_property
    def _thread(self) -> ThreadPoolExecutor:
        # Most specs have little to ask, and starting is what they wait for.
        from concurrent.futures import ThreadPoolExecutor

        return ThreadPoolExecutor(1, "duckdb")


def _settled(session: Session) -> Session:
    """What each session has to be told anew."""
    session.execute("SET errors_as_json = true")
    # Tables are those that are declared here, never variables of this program.
    session.execute("SET python_enable_replacements = false")
    session.execute("SET TimeZone = 'UTC'")
    return session
