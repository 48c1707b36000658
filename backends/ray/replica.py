"""What a replica runs: the application that every server of ours is, below the deployment's name.

A replica is told what to serve and what to record as plain data. Told anew, it opens the other
model beside the one that answers and switches as a whole, so that no request is lost.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import importlib
import os
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from backends.ray.environment import PRIVATE
from backends.serving.app import App, Scope, make_app
from backends.serving.deployed import Deployed, Limits, Models, Observe
from backends.serving.model import ServedModel
from backends.serving.recording import Recorders
from backends.serving.wire import Receive, Send
from compiler.backend import TaskContext
from compiler.diagnostics import StackcError
from compiler.engine.store import digest_of
from compiler.graph.documents import GoldenRows


class Watching(Struct, frozen=True):
    """A monitor that is recorded for.

    Attributes:
        monitor: Its name.
        watch: Its windows' folder's name (``Watched.watch``).
        since: No window of it begins before this time, in milliseconds.
        kept: What is kept of each answer (``Watched.kept``); told, so that a change is.
    """

    monitor: str
    watch: str
    since: int = 0
    kept: str = ""


class Served(Struct, frozen=True):
    """What a replica is told.

    Attributes:
        name: The deployment's name, which is its path.
        revision: Counts from 1 per deployment.
        model: Where the model's file is.
        digest: SHA-256 of that file.
        threshold: What labels are told by.
        limits: What the deployment takes on.
        salt: Makes ``key`` tell nothing of the key.
        key: SHA-256 of salt and API key; None without one. Ray never has the key.
        watching: What is recorded of what it is asked.
        beside: Columns by name and type that requests may carry to say which row they are of.
    """

    name: str
    revision: int
    model: str
    digest: str
    threshold: float
    limits: Limits
    salt: str = ""
    key: str | None = None
    watching: tuple[Watching, ...] = ()
    beside: tuple[tuple[str, str], ...] = ()


class Guarded(Deployed, frozen=True):
    """A revision that knows its key by a digest only, which is kept as ``api_key``."""

    salt: str = ""

    def allows(self, key: str | None) -> bool:
        """Whether who shows this key may ask."""
        if self.api_key is None:
            return True
        return hmac.compare_digest(key_digest(self.salt, key or ""), self.api_key)


class Replica:
    """One copy of a deployment, as Ray Serve makes and tells it; it records below ``monitors``."""

    def __init__(self, monitors: str) -> None:
        self._models = Models()
        self._recorders = Recorders(Path(monitors))
        self._served: Served | None = None
        self._told: dict[str, Any] | None = None
        if os.environ.get(PRIVATE):
            _stay_on_this_machine()

    def __serve_build_asgi_app__(self) -> Mounted:
        """The application that answers; asked for once, after the constructor."""
        return Mounted(make_app(self._models))

    async def reconfigure(self, told: dict[str, Any]) -> None:
        """Serve and record this from now on; what served before answers meanwhile."""
        await asyncio.to_thread(self._turn, msgspec.convert(told, Served))
        self._told = told

    def told(self) -> dict[str, Any] | None:
        """What it serves and records: the last thing it was told that it has done."""
        return self._told

    def __del__(self) -> None:
        """Put down what was sketched; Serve calls it when the replica has answered its last."""
        self._recorders.end()

    def _turn(self, served: Served) -> None:
        alone = replace(served, watching=())
        if alone != self._served:
            observe = self._recorders.hook(f"deployments.{served.name}")
            self._models.put(served.name, opened(served, observe))
            self._served = alone
        wanted = {watching.monitor: watching for watching in served.watching}
        for monitor in self._recorders.watching().keys() - wanted.keys():
            self._recorders.forget(monitor)
        for monitor, watching in wanted.items():
            self._recorders.watch(monitor, since=watching.since)


class Mounted:
    """The application below a path of its own: what follows the deployment's name is its path.

    ``/api`` is the deployment itself; ``/api/v2/…`` and ``/api/metrics`` are
    what a server of one deployment answers beside it.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            mounted, path = scope.get("root_path", ""), scope["path"]
            below = path.removeprefix(mounted)
            scope = {**scope, "path": path if below in ("", "/") else below}
        await self._app(scope, receive, send)


def opened(served: Served, observe: Observe | None = None) -> Guarded:
    """A revision, ready to answer; raises StackcError (E715) where its file is no model."""
    model = ServedModel.open(Path(served.model), served.threshold, served.beside)
    return Guarded(
        model, served.revision, served.digest, served.limits, served.key, observe, salt=served.salt
    )


def probe(told: dict[str, Any], golden: str, context: TaskContext) -> str | None:
    """Why a revision must not serve, found beside what serves; None where it may."""
    context.progress("probing")
    served = msgspec.convert(told, Served)
    if digest_of(Path(served.model)) != served.digest:
        return f"the files of revision {served.revision} are missing or damaged"
    try:
        model = opened(served).model
    except StackcError as error:
        return error.diagnostics[0].message
    rows = msgspec.json.decode(Path(golden).read_bytes(), type=GoldenRows)
    return model.probe(rows)


def _stay_on_this_machine() -> None:
    """Replicas listen for each other on every address; a private cluster has one machine."""
    module: Any = importlib.import_module("ray.serve._private.replica")
    bind = module.add_port_to_grpc_server
    module.add_port_to_grpc_server = lambda server, address: bind(
        server, address.replace("[::]", "127.0.0.1")
    )


def key_digest(salt: str, key: str) -> str:
    """What tells whether a key is the right one and does not tell the key."""
    return hashlib.sha256(f"{salt}\0{key}".encode("utf-8", "replace")).hexdigest()
