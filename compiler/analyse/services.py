"""What analysis asks of a backend: types of SQL, and a look at a source's columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from msgspec import Struct

from compiler.analyse.algebra.conditions import Condition
from compiler.codes import Code
from compiler.graph.lineage import Lineage
from compiler.graph.operations import Params
from compiler.graph.types import Column, DataType, TableType


class Problem(Protocol):
    """Something wrong inside a piece of SQL or an expression, by character offset."""

    @property
    def code(self) -> Code:
        """The diagnostic's code."""

    @property
    def message(self) -> str:
        """What is wrong."""

    @property
    def offset(self) -> int | None:
        """First character, from 0; None where the whole text is meant."""

    @property
    def length(self) -> int:
        """Number of characters."""

    @property
    def help(self) -> tuple[str, ...]:
        """Ways out."""


class BoundQuery(Protocol):
    """A query with types: its columns and where they come from, or its problems."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """The result's columns in order, without tags; empty where there are problems."""

    @property
    def lineage(self) -> Lineage:
        """What each column comes from, by table and column; places are stretches of the text."""

    @property
    def problems(self) -> Sequence[Problem]:
        """What is wrong with it."""


class BoundExpression(Protocol):
    """An expression's type, or its problems."""

    @property
    def type(self) -> DataType | None:
        """The canonical type."""

    @property
    def problems(self) -> Sequence[Problem]:
        """What is wrong with it."""


class Binder(Protocol):
    """Types SQL against table schemas without data; nothing outside is reached.

    ``version`` names the engine: what its answers depend on besides what it is asked.
    """

    version: str

    def read_ahead(self, queries: Sequence[str], expressions: Sequence[str]) -> None:
        """Be told all texts that will be asked about, to parse them together."""

    def bind_ahead(self, asked: Sequence[tuple[str, Mapping[str, TableType]]]) -> None:
        """Be told queries that will be bound over these tables, to bind them together."""

    def tables(self, sql: str) -> tuple[str, ...]:
        """Names of the tables a query reads; empty where it cannot be parsed."""

    def bind(self, sql: str, tables: Mapping[str, TableType]) -> BoundQuery:
        """The type of a query over these tables."""

    def expression(
        self, text: str, table: TableType, expected: str | None = "bool"
    ) -> BoundExpression:
        """The type of a row-level SQL expression; ``expected`` names the type it must have."""

    def pattern(self, text: str) -> str | None:
        """What is wrong with a regular expression; None where it is one."""

    def condition(self, text: str) -> Condition:
        """What a row-level condition says as far as it is plain; the rest is opaque."""

    def matching(self, pattern: str, texts: Sequence[str]) -> tuple[bool, ...]:
        """Of each text whether a regular expression is found in it."""


class Inspector(Protocol):
    """Looks at data to learn columns that a spec leaves out."""

    def files(self, path: str, format: str, options: Params) -> tuple[Column, ...]:
        """The columns of files. Raises StackcError where they cannot be read."""

    def database(self, connection: str, sql: str) -> tuple[Column, ...]:
        """The columns of a query's result. Raises StackcError where it cannot be run."""


class Fact(Struct, frozen=True):
    """One way in which the data of a source differs from the columns it should have.

    ``text`` says it in a sentence; ``help`` are ways out that the data suggests. Of data that
    nobody can read, ``code`` says why, and there is no column.
    """

    column: str
    kind: Literal["missing", "added", "type", "nulls", "broken"]
    text: str
    help: tuple[str, ...] = ()
    code: str = ""


class Services(Struct, frozen=True):
    """The services analysis is given."""

    binder: Binder
    inspector: Inspector
