"""Calls of one MLflow: quiet, bounded, once where they change something."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from backends.mlflow import MlflowSettings, refuse_address
from backends.mlflow.credentials import Credentials, offered
from backends.mlflow.troubles import missing, refused, translated
from compiler.backend import TaskContext
from compiler.engine import durable

_ONE_AT_A_TIME = threading.Lock()
"""MLflow reads how it is to behave from the environment at each call."""
_SQLITE = "sqlite:///"
_RETRIES = 2
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_CONFIGURE_LOGGING": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_JITTER": "0",
    # A server could ask for an hour.
    "MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER": "false",
}


class Connection:
    """The MLflow of a task.

    A call that only looks is tried again twice where the server fails. One
    that changes something is made once: its answer may be lost after it was
    done, and the next apply asks for it by the operation id.
    """

    def __init__(self, context: TaskContext) -> None:
        settings = context.settings
        assert isinstance(settings, MlflowSettings)
        self.settings = settings
        self._context = context

    @cached_property
    def tracking(self) -> str:
        """Where the runs are, its secrets resolved."""
        own = self._context.state / "mlflow" / "mlflow.db"
        given = self.settings.tracking_uri
        return self._address(given) if given else f"{_SQLITE}{own}"

    @cached_property
    def registry(self) -> str:
        """Where the models are registered."""
        given = self.settings.registry_uri
        return self._address(given) if given else self.tracking

    @property
    def artifacts(self) -> str | None:
        """Where a new experiment keeps its files; None where the server says."""
        database = _file(self.tracking)
        return str(database.with_name("artifacts")) if database else None

    @property
    def empty(self) -> bool:
        """Whether nothing was ever registered: looking makes no database."""
        database = _file(self.registry)
        return database is not None and not database.exists()

    def ask(self, method: str, *arguments: Any) -> Any:
        """What a method of the client that only looks finds; None where there is no such thing.

        Raises:
            StackcError: E721.
        """
        return self.look(lambda client: getattr(client, method)(*arguments))

    def look(self, look: Callable[[Any], Any]) -> Any:
        """The same with whatever else of MLflow looks for something."""
        with self._calling(_RETRIES) as client:
            try:
                return look(client)
            except Exception as error:
                if missing(error):
                    return None
                raise

    def tell(self, method: str, *arguments: Any, **named: Any) -> Any:
        """Change something by a method of the client, once.

        Raises:
            StackcError: E721.
        """
        durable.point(f"mlflow.{method}")
        with self._calling(0) as client:
            return getattr(client, method)(*arguments, **named)

    @contextmanager
    def _calling(self, retries: int) -> Iterator[Any]:
        where = f"MLflow at {self._shown}"
        told = {
            **_QUIET,
            "MLFLOW_HTTP_REQUEST_TIMEOUT": str(self.settings.timeout),
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": str(retries),
        }
        with ExitStack() as stack:
            stack.enter_context(_ONE_AT_A_TIME)
            stack.enter_context(translated(where, self.settings.timeout))
            stack.enter_context(_environment(told))
            names = stack.enter_context(offered(self._credentials))
            stack.enter_context(_environment(names))
            yield self._client()

    def _client(self) -> Any:
        from mlflow import MlflowClient

        with ExitStack() as stack:
            for database in {_file(self.tracking), _file(self.registry)} - {None}:
                stack.enter_context(_made_by_one(database))
            return MlflowClient(self.tracking, self.registry)

    @cached_property
    def _credentials(self) -> Credentials:
        given, secret = self.settings, self._context.secret
        asked = (given.username, given.password, given.token)
        username, password, token = (secret(text) if text else None for text in asked)
        return Credentials(username, password, token)

    @property
    def _shown(self) -> str:
        """Both addresses as they are written, without the values of secrets."""
        tracking = self.settings.tracking_uri or "sqlite:///.stackc/mlflow/mlflow.db"
        registry = self.settings.registry_uri
        return f"`{tracking}`" + (f", registry `{registry}`," if registry else "")

    def _address(self, given: str) -> str:
        value = self._context.secret(given).rstrip("/")
        try:
            refuse_address(value)
        except ValueError as error:
            way = "mend `tracking_uri` or `registry_uri` under `backends.register`"
            raise refused(f"the address `{given}`", str(error), way) from None
        if not value.startswith(_SQLITE):
            return value
        return f"{_SQLITE}{self._context.project / value.removeprefix(_SQLITE)}"


def _file(address: str) -> Path | None:
    """The file of a database; None of a server."""
    return Path(address.removeprefix(_SQLITE)) if address.startswith(_SQLITE) else None


@contextmanager
def _made_by_one(database: Path | None) -> Iterator[None]:
    """Let one process at a time make the tables of a database."""
    assert database is not None
    folder = os.open(durable.make_folder(database.parent), os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


@contextmanager
def _environment(changed: Mapping[str, str | None]) -> Iterator[None]:
    """Set variables for a while; None takes one away."""
    before = {name: os.environ.get(name) for name in changed}
    _set(changed)
    try:
        yield
    finally:
        _set(before)


def _set(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
