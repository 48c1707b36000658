"""DVC: published tables as files that DVC tracks, with their data in its cache and remotes."""

from __future__ import annotations

from pydantic import Field

from compiler.backend import Backend, Lowering, Settings
from compiler.graph.operations import Publish


class DvcSettings(Settings):
    """Where published tables are tracked."""

    folder: str = Field(
        default="versions",
        min_length=1,
        description="Folder in the DVC repository for the tables and their `.dvc` files.",
    )
    remote: str | None = Field(
        default=None, description="DVC remote to push each version to, before it is published."
    )


BACKEND = Backend(
    name="dvc",
    lowerings={Publish: Lowering("backends.dvc.versions:DvcVersions")},
    settings=DvcSettings,
    requires=("dvc",),
    extra="dvc",
)
