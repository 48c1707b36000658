"""lakeFS: published tables as commits, audited on a branch of their own before the merge."""

from __future__ import annotations

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from compiler.backend import Backend, Lowering, Settings
from compiler.engine.secrets import REFERENCE
from compiler.graph.operations import Publish


class LakefsServer(Settings):
    """How a server is reached; credentials are references to secrets."""

    endpoint: str = Field(
        default="http://127.0.0.1:8000",
        pattern=r"^https?://\S+$",
        description="The server's address.",
    )
    access_key_id: str = Field(
        default="${secret:LAKEFS_ACCESS_KEY_ID}", description="The key to sign in with."
    )
    secret_access_key: str = Field(
        default="${secret:LAKEFS_SECRET_ACCESS_KEY}", description="Its secret."
    )
    timeout: float = Field(
        default=30, gt=0, le=3600, description="Seconds that an answer may be waited for."
    )

    @field_validator("access_key_id", "secret_access_key")
    @classmethod
    def _only_named(cls, value: str) -> str:
        if not REFERENCE.fullmatch(value):
            raise PydanticCustomError(
                "secret", "only a reference `${secret:NAME}` may stand here, for settings are kept"
            )
        return value


class LakefsSettings(LakefsServer):
    """Which server and repository to publish into."""

    repository: str = Field(
        default="stackc",
        pattern="^[a-z0-9][a-z0-9-]{2,62}$",
        description="The repository to publish into.",
    )
    branch: str = Field(
        default="main", pattern=r"^\w[-\w]*$", description="The branch that readers look at."
    )
    folder: str = Field(
        default="stackc",
        pattern=r"^[\w-][\w./-]*$",
        description="Folder of the repository for the tables.",
    )
    storage_namespace: str | None = Field(
        default=None,
        description="Where a repository that is not there yet is made, such as s3://bucket/path.",
    )


BACKEND = Backend(
    name="lakefs",
    lowerings={Publish: Lowering("backends.lakefs.versions:LakefsVersions")},
    settings=LakefsSettings,
    requires=("lakefs",),
    extra="lakefs",
)
