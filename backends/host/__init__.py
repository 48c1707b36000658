"""The local host: one process per project that serves its deployments over HTTP."""

from __future__ import annotations

from pydantic import Field

from backends.serving import NO_RESERVED_NAME
from compiler.backend import Backend, Lowering, Refusal, Settings
from compiler.graph.operations import Deploy, Watch


class HostSettings(Settings):
    """Where the host listens: this machine only, on a port that stays the same."""

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int | None = Field(
        default=None,
        ge=1,
        le=65_535,
        description="Port to listen on; the last one, or the first free from 8700, by default.",
    )


BACKEND = Backend(
    name="host",
    lowerings={
        Deploy: Lowering(
            "backends.host.deploy:Deployments",
            revisions=True,
            refuses=(
                NO_RESERVED_NAME,
                Refusal(
                    "replicas",
                    lambda asked: tuple(asked) != (1, 1),
                    "the local host serves one copy: leave out `replicas`",
                ),
            ),
        ),
        Watch: Lowering("backends.host.watch:HostWatches"),
    },
    settings=HostSettings,
    requires=("uvicorn", "httptools", "orjson", "prometheus_client"),
    extra="serve",
)
