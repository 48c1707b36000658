"""How a server is told who asks: by MLflow's own way for providers, and never by a variable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from msgspec import Struct

_NAME = "stackc"
_OTHERS = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")
_current: list[Any] = []


class Credentials(Struct, frozen=True):
    """A user with a password, or a token; all None where the settings say nothing."""

    username: str | None = None
    password: str | None = None
    token: str | None = None

    @property
    def given(self) -> bool:
        """Whether the settings say who asks; MLflow's own variables hold where they do not."""
        return self.token is not None or self.username is not None


@contextmanager
def offered(credentials: Credentials) -> Iterator[Mapping[str, str | None]]:
    """Hold them for MLflow to fetch; yields the variables that make it fetch them."""
    if not credentials.given:
        yield {}
        return
    _provide()
    _current[:] = [_auth(credentials)]
    try:
        yield {"MLFLOW_TRACKING_AUTH": _NAME, **dict.fromkeys(_OTHERS)}
    finally:
        _current.clear()


def _auth(credentials: Credentials) -> Any:
    from requests.auth import HTTPBasicAuth

    if credentials.token is None:
        return HTTPBasicAuth(credentials.username or "", credentials.password or "")

    def bearer(request: Any) -> Any:
        request.headers["Authorization"] = f"Bearer {credentials.token}"
        return request

    return bearer


def _provide() -> None:
    """Make MLflow know our name."""
    from mlflow.tracking.request_auth import registry
    from mlflow.tracking.request_auth.abstract_request_auth_provider import RequestAuthProvider

    known: Any = registry._request_auth_provider_registry
    if any(provider.get_name() == _NAME for provider in known):
        return

    class Provider(RequestAuthProvider):
        """Hands out what is held now."""

        def get_name(self) -> str:
            return _NAME

        def get_auth(self) -> Any:
            return _current[0]

    known.register(Provider)
