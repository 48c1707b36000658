"""Files and databases: ingest them as staged tables, and infer their columns."""

from __future__ import annotations

from compiler.backend import Backend, Lowering
from compiler.graph.operations import ReadDatabase, ReadFiles

BACKEND = Backend(
    name="files",
    lowerings={
        ReadFiles: Lowering(
            "backends.files.read:read_files", "backends.files.fingerprint:observe_files"
        ),
        ReadDatabase: Lowering(
            "backends.files.database:read_database", "backends.files.database:observe_database"
        ),
    },
    requires=("duckdb", "pyarrow"),
    services={
        "inspect_files": "backends.files.inspect:inspect_files",
        "inspect_database": "backends.files.inspect:inspect_database",
    },
)
