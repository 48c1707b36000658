"""Ray: the embedded backends' work as Ray tasks, and by Ray's libraries what they do better."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from msgspec.structs import replace
from pydantic import Field

from backends.duckdb import BACKEND as DUCKDB
from backends.files import BACKEND as FILES
from backends.files import FilesSettings
from backends.local import BACKEND as LOCAL
from backends.serving import NO_RESERVED_NAME
from backends.whylogs import BACKEND as WHYLOGS
from compiler.backend import Backend, Lowering, Refusal
from compiler.graph.operations import (
    Clean,
    Deploy,
    JudgeGates,
    Operation,
    Query,
    ReadDatabase,
    ReadFiles,
    Train,
    Tune,
    Validate,
    Watch,
)

Lowerings: TypeAlias = Mapping[type[Operation], Lowering]
OWNER = "ray"
"""Its folder in ``.stackc``."""


class RaySettings(FilesSettings):
    """Which cluster, how much of it, and how what is not on this machine is read."""

    address: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_.\-\[\]:]+:[0-9]{1,5}$",
        description="A cluster to join, `host:port`; one of the project's own when left out.",
    )
    cpus: int | None = Field(
        default=None, ge=1, le=1024, description="Processors of the project's own cluster; all."
    )
    memory_mb: int = Field(
        default=200, ge=80, le=1 << 20, description="Shared memory of the project's own cluster."
    )
    workers: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        description="Processes that one training is divided among: one on the project's own"
        " cluster, two on a named one when left out.",
    )
    trials: int = Field(
        default=4,
        ge=1,
        le=1024,
        description="Trials of a search side by side; it tries the same on any cluster, however"
        " large, but another number tries others.",
    )
    host: str = Field(default="127.0.0.1", description="Address that Ray Serve listens on.")
    port: int | None = Field(
        default=None,
        ge=1,
        le=65_535,
        description="Port of Ray Serve; the last one, or the first free from 8800, by default.",
    )


NO_ROLLOUT = Refusal(
    "rollout",
    lambda asked: asked is not None,
    "Ray Serve turns to a new revision as a whole: leave `rollout` out, or serve on the local host"
    " with `backends/serve=host`",
)


def _as_tasks(backend: Backend, left_out: tuple[type[Operation], ...] = ()) -> Lowerings:
    """An embedded backend's steps, each as one Ray task; what it refuses stays refused."""
    return {
        kind: replace(lowering, target="backends.ray.step:run", isolation="process")
        for kind, lowering in backend.lowerings.items()
        if kind.kind == "step" and kind not in left_out
    }


def _divided(backend: Backend, *kinds: type[Operation]) -> Lowerings:
    """Steps of an embedded backend that go by rows, on Ray Data where a table is large."""
    return {
        kind: replace(
            backend.lowerings[kind], target="backends.ray.tables:run", isolation="process"
        )
        for kind in kinds
    }


BACKEND = Backend(
    name="ray",
    lowerings={
        **_divided(FILES, ReadFiles),
        # A connection's secret stays in the process that resolved it.
        ReadDatabase: FILES.lowerings[ReadDatabase],
        **_divided(DUCKDB, Validate, Query, Clean),
        **_as_tasks(DUCKDB, left_out=(Validate, Query, Clean)),
        **_as_tasks(WHYLOGS),
        **_as_tasks(LOCAL, left_out=(JudgeGates, Train, Tune)),
        Train: replace(LOCAL.lowerings[Train], target="backends.ray.train:run"),
        Tune: replace(LOCAL.lowerings[Tune], target="backends.ray.tune:run"),
        Deploy: Lowering(
            "backends.ray.deploy:Deployments",
            isolation="process",
            refuses=(NO_RESERVED_NAME, NO_ROLLOUT),
            revisions=True,
        ),
        Watch: Lowering("backends.ray.watch:RayWatches", isolation="process"),
    },
    settings=RaySettings,
    requires=("ray",),
    extra="ray",
    services={**FILES.services, **DUCKDB.services, **WHYLOGS.services},
)
