"""The host's own process: ``python -m backends.host.main STATE HOST PORT…``."""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
import shutil
import socket
import sys
import tempfile
import threading
from collections.abc import Mapping
from math import ceil
from pathlib import Path
from typing import Any

import msgspec
import uvicorn

from backends.host.control import ControlServer, key_digest
from backends.host.process import OWNER, Running, record
from backends.host.rollouts import Rollouts, told
from backends.serving.app import make_app
from backends.serving.deployed import Deployed, Limits, Models
from backends.serving.model import ServedModel
from backends.serving.recording import Recorders
from backends.serving.revised import short
from backends.serving.revisions import Revision, Revisions, deployments
from backends.serving.watches import monitors
from backends.shelf import names
from compiler.diagnostics import StackcError
from compiler.engine import durable
from compiler.engine.store import digest_of
from compiler.graph.digest import canonical
from compiler.graph.documents import GoldenRows

_LOOK_SECONDS = 1.0
_LONGEST_DRAIN = 365 * 86_400.0
_BACKLOG = 2048
_CONNECTIONS = 4096


class Unfit(Exception):
    """A revision does not serve, and why."""


class Host:
    """What serves, and how it is changed: a revision answers only once it has been probed."""

    def __init__(self, state: Path, models: Models) -> None:
        self.state = state
        self.models = models
        self.recorders = Recorders(monitors(state, OWNER))
        self.salt = secrets.token_hex(16)
        self.stopping = threading.Event()
        self._changing = threading.Lock()
        self.rollouts = Rollouts(state, models, self._changing)

    def handle(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a request of the control socket."""
        match request.get("do"):
            case "state":
                return {
                    "pid": os.getpid(),
                    "salt": self.salt,
                    "deployments": self._serving(),
                    "watching": self.recorders.watching(),
                }
            case "deploy" | "try":
                turn = self._deploy if request["do"] == "deploy" else self._try
                try:
                    with self._changing:
                        return turn(request["name"], request["revision"], request["api_key"])
                except Unfit as unfit:
                    return {"error": str(unfit)}
            case "remove":
                with self._changing:
                    self.models.remove(short(request["name"]))
                return {}
            case "watch":
                self.recorders.watch(request["name"])
                return {}
            case "unwatch":
                self.recorders.forget(request["name"])
                return {}
            case "close":
                return {"at": self.recorders.close(request["name"])}
            case "stop":
                self.stopping.set()
                return {"within": self.drain()}
        return {"error": "the host does not know what to do"}

    def _serving(self) -> dict[str, Any]:
        return {
            f"deployments.{name}": {
                "revision": one.revision,
                "digest": one.digest,
                "key": key_digest(self.salt, one.api_key),
                "canary": told(one.canary),
            }
            for name, one in self.models.items()
        }

    def drain(self) -> float:
        """Seconds that requests at work are given when the host stops at this moment."""
        return min(self.models.drain(), _LONGEST_DRAIN)

    def _deploy(self, name: str, number: int, api_key: str | None) -> dict[str, Any]:
        """Serve a revision alone; a rollout that goes on ends with it."""
        shelf = Revisions(self.state, name, OWNER)
        _, found = self._opened(shelf, number, api_key)
        shelf.trials.end()
        self.models.put(short(name), found)
        return {"revision": number}

    def _try(self, name: str, number: int, api_key: str | None) -> dict[str, Any]:
        """Have a revision answer a share beside the current one, which comes up where it must."""
        shelf = Revisions(self.state, name, OWNER)
        revision, found = self._opened(shelf, number, api_key)
        current, held = shelf.current(), self.models.get(short(name))
        if current is None:
            raise Unfit("there is no revision to try it beside")
        if held is None or held.revision != current.number:
            try:
                _, held = self._opened(shelf, current.number, api_key)
            except Unfit as unfit:
                why = f"revision {current.number}, which it is tried beside, does not come up"
                way = "without `rollout` the new one serves at once"
                raise Unfit(f"{why}: {unfit}; {way}") from None
        self.rollouts.begin(revision, held, found)
        return {"revision": number}

    def _opened(
        self, shelf: Revisions, number: int, api_key: str | None
    ) -> tuple[Revision, Deployed]:
        """A revision, probed with its golden rows; raises Unfit."""
        revision = shelf.record(number)
        lost = Unfit(f"the files of revision {number} are missing or damaged")
        try:
            if revision is None or digest_of(shelf.model(number)) != revision.digest:
                raise lost
            golden = msgspec.json.decode(shelf.golden(number).read_bytes(), type=GoldenRows)
        except (OSError, msgspec.MsgspecError):
            raise lost from None
        asked = revision.operation
        try:
            model = ServedModel.open(shelf.model(number), asked.threshold, asked.key)
        except StackcError as error:
            raise Unfit(error.diagnostics[0].message) from None
        wrong = model.probe(golden)
        if wrong is not None:
            raise Unfit(wrong)
        limits = Limits(asked.queue, asked.rows, asked.timeout_s, asked.drained_s)
        observe = self.recorders.hook(asked.name)
        return revision, Deployed(model, number, revision.digest, limits, api_key, observe)


def main(state: Path, host: str, ports: list[int]) -> int:
    """Serve until told to stop, or until the record of this process is gone."""
    try:
        public = _listening(host, ports)
    except (OSError, OverflowError) as error:
        where = f"{host} port {ports[0]}"
        print(f"cannot listen on {where}: {getattr(error, 'strerror', None) or error}")
        return 1
    models = Models(_served_before(state))
    serving = Host(state, models)
    # Short, because the path of a unix socket may have some 100 bytes.
    folder = Path(tempfile.mkdtemp(prefix="stackc-"))
    try:
        control = ControlServer(folder / "control", serving.handle)
        threading.Thread(target=control.serve_forever, daemon=True).start()
        bound = public.getsockname()[1]
        entry = Running(os.getpid(), host, bound, str(folder / "control"), str(state))
        durable.write(record(state), canonical(msgspec.to_builtins(entry)), mode=0o600)
        # Not uvloop: it sends the answers of a round together, and the slowest takes twice as long.
        asyncio.run(_serve(make_app(models), public, serving, entry))
    finally:
        serving.recorders.end()
        shutil.rmtree(folder, ignore_errors=True)
    # Requests beyond their drain may be at work in threads, which an ordinary exit waits for.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _served_before(state: Path) -> list[str]:
    """The deployments that a host of this project served last."""
    served = [n for n in names(deployments(state, OWNER)) if Revisions(state, n, OWNER).current()]
    return [short(name) for name in served]


def _listening(host: str, ports: list[int]) -> socket.socket:
    """A socket on the first of the ports that nobody has; requests wait in its queue from now."""
    for port in ports:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        public = socket.socket(family, socket.SOCK_STREAM)
        public.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections inherit it. Without it an answer in two parts waits 40 ms for the client's
        # acknowledgement.
        public.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            public.bind((host, port))
            public.listen(_BACKLOG)
        except OSError as error:
            public.close()
            if error.errno != errno.EADDRINUSE or port == ports[-1]:
                raise
        else:
            return public
    raise OSError("there is no port to listen on")


class _Server(uvicorn.Server):
    """Gives requests at work, when it stops, what the deployments of that moment give them."""

    def __init__(self, config: uvicorn.Config, serving: Host) -> None:
        super().__init__(config)
        self._serving = serving

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen no more, and wait for who is at work."""
        self.config.timeout_graceful_shutdown = ceil(self._serving.drain())
        await super().shutdown(sockets)


async def _serve(app: Any, public: socket.socket, serving: Host, entry: Running) -> None:
    config = uvicorn.Config(
        app,
        http="httptools",
        lifespan="off",
        access_log=False,
        proxy_headers=False,
        log_level="warning",
        server_header=False,
        limit_concurrency=_CONNECTIONS,
    )
    server = _Server(config, serving)
    watching = asyncio.create_task(_watch(server, serving, entry))
    await server.serve(sockets=[public])
    watching.cancel()


async def _watch(server: uvicorn.Server, serving: Host, entry: Running) -> None:
    """End with the project: a host whose record is gone belongs to nobody."""
    path = record(Path(entry.state))
    while not server.should_exit:
        await asyncio.to_thread(serving.stopping.wait, _LOOK_SECONDS)
        server.should_exit = serving.stopping.is_set() or not _written(path, entry.pid)


def _written(path: Path, pid: int) -> bool:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Running).pid == pid
    except (OSError, msgspec.MsgspecError):
        return False


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), sys.argv[2], [int(port) for port in sys.argv[3:]]))
