"""Operations on tables: ingest, validate, publish, query, split, profile."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from compiler.graph.operations.operation import Operation, Params
from compiler.graph.types import Column


class ReadFiles(Operation, frozen=True):
    """Ingest files into a staged table with exactly these columns.

    ``path`` is relative to the spec's folder and may be a glob. Observes the
    files' content. Outputs: ``table``.
    """

    capability = "read"
    category = "ingest"
    observes = True
    path: str
    format: str
    columns: tuple[Column, ...]
    options: Params = ()


class ReadDatabase(Operation, frozen=True):
    """Ingest a query's result into a staged table with exactly these columns.

    ``connection`` keeps its secrets as references. Observes the result's
    checksum. Outputs: ``table``.
    """

    capability = "read"
    category = "ingest"
    observes = True
    connection: str
    sql: str
    columns: tuple[Column, ...]


class Rule(Struct, frozen=True):
    """One validation rule in normal form.

    ``kind``: not_null, unique, between, in_set, matches, expression,
    row_count, references, freshness. ``columns`` are the columns judged;
    ``arguments`` what the kind needs: between ``low``/``high`` (either may be
    None), in_set ``values`` (JSON text of a list), matches ``pattern``,
    expression ``sql``, row_count ``min``/``max``, references ``input`` (name
    of the node input) and ``column``, freshness ``max_age_s``.
    ``tolerance`` is the share of rows that may break the rule.
    """

    name: str
    kind: str
    columns: tuple[str, ...]
    arguments: Params
    tolerance: float = 0.0
    on_failure: Literal["block", "quarantine", "warn"] = "block"


class Validate(Operation, frozen=True):
    """Judge a staged table in one scan.

    Inputs: ``table``, and a table for each ``references`` rule. Outputs:
    ``verdict`` (document).
    """

    capability = "query"
    category = "validate"
    rules: tuple[Rule, ...]


class Quarantine(Operation, frozen=True):
    """Set aside the rows of a staged table that break a rule of these.

    A step of its own, so that what is accepted is keyed by the rules that
    set rows aside and by no other. Inputs as for ``Validate``. Outputs:
    ``accepted`` and ``quarantined`` tables.
    """

    capability = "query"
    category = "validate"
    rules: tuple[Rule, ...]


class Publish(Operation, frozen=True):
    """Make a table the version of ``name`` that downstream nodes see.

    Inputs: ``table``, and ``verdict`` where there are rules; a blocking
    verdict fails it. Outputs: ``table``, ``version`` (document).
    """

    capability = "version"
    category = "publish"
    kind = "resource"
    forwards = {"table": "table"}
    name: str


class Admit(Operation, frozen=True):
    """Let a table through once its verdict does: a Publish that publishes nothing.

    Inputs: ``table``, ``verdict``; a blocking verdict fails it. Outputs:
    ``table``. The engine runs it itself.
    """

    capability = "version"
    category = "validate"
    forwards = {"table": "table"}
    name: str


class Query(Operation, frozen=True):
    """SQL over tables. Inputs: a table for each name the SQL uses. Outputs: ``table``."""

    capability = "query"
    category = "query"
    sql: str


class CleanStep(Struct, frozen=True):
    """One cleaning step: drop_duplicates, fill_null, clip, trim or cast.

    ``arguments``: column name to value (fill_null: the value, clip: JSON
    ``[low, high]``, cast: the type); drop_duplicates and trim use ``columns``.
    """

    kind: str
    columns: tuple[str, ...] = ()
    arguments: Params = ()


class Clean(Operation, frozen=True):
    """Cleaning steps in order. Inputs: ``table``. Outputs: ``table``."""

    capability = "query"
    category = "query"
    steps: tuple[CleanStep, ...]


class Split(Operation, frozen=True):
    """Parts of a table, in the table's order.

    By fractions (seeded; within each value of ``stratify``; rows with equal
    ``group`` columns stay together) or by SQL predicates; exactly one of the
    two is given. Inputs: ``table``. Outputs: a table per part name.
    """

    capability = "query"
    category = "split"
    fractions: tuple[tuple[str, float], ...] = ()
    predicates: tuple[tuple[str, str], ...] = ()
    seed: int = 0
    stratify: str | None = None
    group: tuple[str, ...] = ()


class Window(Struct, frozen=True):
    """Rows that are looked at: all, those of ``where``, or one window per value of ``by``."""

    where: str | None = None
    by: str | None = None


class Profile(Operation, frozen=True):
    """Sketches of the columns, one set per window. Inputs: ``table``. Outputs: ``profile``."""

    capability = "profile"
    category = "profile"
    columns: tuple[str, ...]
    window: Window = Window()
