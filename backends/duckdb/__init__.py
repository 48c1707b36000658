"""DuckDB for tables: validate, query, clean and split, streaming and bounded in memory."""

from __future__ import annotations

from compiler.backend import Backend, Lowering
from compiler.graph.operations import Clean, Labels, Quarantine, Query, Split, Validate

BACKEND = Backend(
    name="duckdb",
    lowerings={
        Validate: Lowering("backends.duckdb.validate:validate"),
        Quarantine: Lowering("backends.duckdb.quarantine:quarantine"),
        Query: Lowering("backends.duckdb.query:query"),
        Clean: Lowering("backends.duckdb.clean:clean"),
        Labels: Lowering("backends.duckdb.labels:labels"),
        Split: Lowering("backends.duckdb.split:split"),
    },
    requires=("duckdb",),
    services={"bind": "backends.duckdb.bind:Binder"},
)
