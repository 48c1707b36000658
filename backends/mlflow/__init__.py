"""MLflow: a run for each registration, the model in its registry, the champion by its alias."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from compiler.backend import Backend, Lowering, Settings
from compiler.engine.secrets import REFERENCE
from compiler.graph.operations import JudgeGates, Register

SCHEMES = ("http", "https", "sqlite")


def _uri(value: str) -> str:
    if not REFERENCE.search(value):
        refuse_address(value)
    return value


def _reference(value: str) -> str:
    if not REFERENCE.fullmatch(value):
        raise ValueError("is kept as a reference: `${secret:NAME}`")
    return value


def refuse_address(value: str) -> None:
    """Refuse what is no address of an MLflow that stackc speaks with.

    Raises:
        ValueError: Why, in words that do not repeat the address.
    """
    parts = urlsplit(value)
    if parts.scheme not in SCHEMES:
        raise ValueError("is no address of an MLflow: `http://…`, `https://…` or `sqlite:///…`")
    if parts.scheme != "sqlite" and not parts.hostname:
        raise ValueError("names no host")
    if parts.scheme == "sqlite" and (parts.netloc or not parts.path.strip("/")):
        raise ValueError("names no file: `sqlite:///folder/mlflow.db`")
    if parts.username is not None:
        raise ValueError("holds a user: use `username` and `password`, or `token`")


_Address = Annotated[str, AfterValidator(_uri)]
_Secret = Annotated[str, AfterValidator(_reference)]


class MlflowSettings(Settings):
    """Which MLflow, and what things are called there."""

    tracking_uri: _Address | None = Field(
        default=None,
        description="An MLflow server (`https://…`) or a database (`sqlite:///…`, from the"
        " spec's folder); a database of its own under `.stackc` where none is given.",
    )
    registry_uri: _Address | None = Field(
        default=None, description="Where models are registered, where that is another MLflow."
    )
    experiment: str = Field(
        default="stackc", min_length=1, max_length=500, description="Experiment of the runs."
    )
    prefix: str = Field(
        default="",
        max_length=100,
        pattern=r"^[\w.-]*$",
        description="Put before the names of registered models, where several stacks share them.",
    )
    username: str | None = Field(default=None, description="User of the server.")
    password: _Secret | None = Field(default=None, description="Password, as `${secret:NAME}`.")
    token: _Secret | None = Field(
        default=None, description="Bearer token in place of user and password, as `${secret:NAME}`."
    )
    timeout: int = Field(
        default=30, ge=1, le=600, description="Seconds to wait for one answer of the server."
    )


BACKEND = Backend(
    name="mlflow",
    lowerings={
        JudgeGates: Lowering(
            "backends.mlflow.models:judge",
            observer="backends.mlflow.models:observe",
            isolation="process",
        ),
        Register: Lowering("backends.mlflow.models:MlflowModels", isolation="process"),
    },
    settings=MlflowSettings,
    requires=("mlflow",),
    extra="mlflow",
)
