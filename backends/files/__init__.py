"""Files and databases: ingest them as staged tables, and infer their columns."""

from __future__ import annotations

from pydantic import Field

from backends.lakefs import LakefsServer
from compiler.backend import Backend, Lowering, Settings
from compiler.graph.operations import ReadDatabase, ReadFiles


class FilesSettings(Settings):
    """How what is not on this machine is reached."""

    lakefs: LakefsServer = Field(
        default=LakefsServer(), description="The server of `lakefs://repository/ref/path`."
    )


BACKEND = Backend(
    name="files",
    lowerings={
        ReadFiles: Lowering("backends.files.read:read_files", "backends.files.read:observe_files"),
        ReadDatabase: Lowering(
            "backends.files.database:read_database", "backends.files.database:observe_database"
        ),
    },
    settings=FilesSettings,
    requires=("duckdb", "pyarrow"),
    services={
        "inspect_files": "backends.files.inspect:inspect_files",
        "survey_files": "backends.files.survey:survey_files",
        "spread_files": "backends.files.survey:spread_files",
        "compare_files": "backends.files.facts:compare_files",
        "inspect_database": "backends.files.inspect:inspect_database",
    },
)
