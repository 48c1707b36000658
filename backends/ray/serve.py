"""Ray Serve in the cluster: started with HAProxy in front, applications run, told anew, deleted."""

from __future__ import annotations

import http.client
import json
import logging
import socket
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, to_builtins

from backends.ray import RaySettings
from backends.ray.cluster import home, imported
from backends.ray.environment import DRAIN_SECONDS
from backends.ray.ingress import program
from backends.ray.replica import Replica, Served
from compiler.codes import Code
from compiler.diagnostics import StackcError, fail
from compiler.engine import durable
from compiler.graph.digest import canonical

FIRST_PORT, LAST_PORT = 8800, 8899
_ANSWER_SECONDS = 5.0
_TOLD_SECONDS = 60.0
_DEPLOYMENT = "model"
_CODE = "stackc-1"
"""Replicas that run this are told anew instead of being replaced."""


class Frontend(Struct, frozen=True):
    """Where the ingress listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """Where the applications' paths begin."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def ensure_serve(state: Path, settings: RaySettings) -> Frontend:
    """Serve as these settings want it; a private cluster's Serve is moved where they differ.

    Raises:
        StackcError: There is no HAProxy (E504), the port is taken, a named
            cluster's Serve listens elsewhere, or it does not come up (E717).
    """
    serve = _serve()
    found = _running()
    if found is not None:
        if settings.port in (None, found.port) and settings.host == found.host:
            _keep(state, found)
            return found
        if settings.address is not None:
            raise _elsewhere(found)
        if settings.port not in (None, found.port) and not _free(settings.host, settings.port):
            raise _taken(Frontend(settings.host, settings.port))
        serve.shutdown()
    if settings.address is None and program() is None:
        raise fail(
            Code.BACKEND_MISSING,
            "Ray Serve needs HAProxy in front, which is not installed",
            help=("pip install 'stackc[ray]'", "or: apt-get install haproxy"),
        )
    wanted = [settings.port] if settings.port else _ports(state)
    front = next(
        (Frontend(settings.host, port) for port in wanted if _listens(settings.host, port)), None
    )
    if front is None:
        raise _taken(Frontend(settings.host, wanted[0]))
    _keep(state, front)
    return front


def run(served: Served, replicas: tuple[int, int], monitors: Path) -> None:
    """Have Serve run this revision, its replicas told anew where there are some.

    What they record lies below ``monitors``. Returns when all of them have been told.

    Raises:
        Exception: What Ray says where it does not come up.
    """
    serve = _serve()
    least, most = replicas
    queue = served.limits.queue
    options: dict[str, Any] = {
        "name": _DEPLOYMENT,
        "version": _CODE,
        "user_config": to_builtins(served),
        "max_ongoing_requests": queue,
        "max_queued_requests": queue,
        # Requests at work are given so long, and the ingress has to hear that the replica goes.
        "graceful_shutdown_timeout_s": served.limits.drain_s + DRAIN_SECONDS + 2,
        "graceful_shutdown_wait_loop_s": 0.5,
        "ray_actor_options": {"num_cpus": 0},
    }
    if least == most:
        options["num_replicas"] = least
    else:
        options["autoscaling_config"] = {
            "min_replicas": least,
            "max_replicas": most,
            "target_ongoing_requests": max(1, queue // 2),
        }
    deployment = serve.deployment(serve.ingress()(Replica)).options(_internal=True, **options)
    serve.run(deployment.bind(str(monitors)), name=served.name, route_prefix=f"/{served.name}")
    _await_told(served)


def _await_told(served: Served) -> None:
    """Until every replica has done what it was told: an application runs before that."""
    replicas = _serve().get_app_handle(served.name)
    until = time.monotonic() + _TOLD_SECONDS
    while True:
        found = replicas.broadcast("told").results(timeout_s=_ANSWER_SECONDS)
        if found and all(one == to_builtins(served) for one in found):
            return
        if time.monotonic() > until:
            raise TimeoutError("its replicas do not turn to it")
        time.sleep(0.05)


def applications() -> frozenset[str]:
    """The names of what Serve runs; none where there is no Serve."""
    return frozenset(_serve().status().applications) if _running() is not None else frozenset()


def told(name: str) -> Served | None:
    """What the replicas of an application are told; None where it is none of ours."""
    if name not in applications():
        return None
    try:
        info, _ = _client().get_deployment_info(_DEPLOYMENT, name)
        return msgspec.convert(info.deployment_config.user_config, Served)
    except (KeyError, msgspec.ValidationError, _rays().RayTaskError):
        return None


def remove(name: str) -> None:
    """Run this application no more."""
    if name in applications():
        _serve().delete(name)


class Answer(Struct, frozen=True):
    """What a deployment says of itself to who shows a key: its status, and what it serves."""

    status: int
    revision: int | None = None


def answer(url: str, key: str | None) -> Answer | None:
    """What answers there; None where nothing does."""
    asked = urllib.request.Request(url, headers={} if key is None else {"X-API-Key": key})  # noqa: S310 (our own address)
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(asked, timeout=_ANSWER_SECONDS) as found:
            return Answer(found.status, json.load(found).get("revision"))
    except urllib.error.HTTPError as refused:
        return Answer(refused.code)
    except (OSError, http.client.HTTPException, ValueError):
        return None


def _serve() -> Any:
    # What it has to say of its starts and stops is not for our users.
    logging.getLogger("ray.serve").setLevel(logging.ERROR)
    return imported("ray.serve")


def _client() -> Any:
    """Speaks with the cluster's Serve; None where there is none."""
    context = imported("ray.serve.context")
    return context._get_global_client(raise_if_no_controller_running=False)


def _rays() -> Any:
    return imported("ray.exceptions")


def _running() -> Frontend | None:
    """Where the cluster's Serve listens, if there is one."""
    client = _client()
    if client is None:
        return None
    options = client.http_config
    return Frontend(options.host, options.port)


def last_front(state: Path) -> Frontend | None:
    """Where the ingress last listened, as it was written down."""
    try:
        return msgspec.json.decode(_last(state).read_bytes(), type=Frontend)
    except (OSError, msgspec.MsgspecError):
        return None


def _last(state: Path) -> Path:
    return home(state) / "serve.json"


def _keep(state: Path, front: Frontend) -> None:
    if last_front(state) != front:
        durable.write(_last(state), canonical(to_builtins(front)))


def _ports(state: Path) -> list[int]:
    """The last port first, so that a deployment comes back where it was."""
    last = last_front(state)
    return [*([last.port] if last else []), *range(FIRST_PORT, LAST_PORT + 1)]


def _listens(host: str, port: int) -> bool:
    """Start Serve on this port; False where somebody has it, or was faster; raises StackcError."""
    if not _free(host, port):
        return False
    serve = _serve()
    try:
        serve.start(proxy_location="HeadOnly", http_options={"host": host, "port": port})
    except Exception as error:
        serve.shutdown()
        if "cannot bind" in str(error):
            return False
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise fail(
            Code.DEPLOYMENT_FAILED,
            f"Ray Serve does not come up: {lines[-1] if lines else type(error).__name__}",
            help="apply again; a machine with too much to do may need a second try",
        ) from None
    return True


def _free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except (OSError, OverflowError):
            return False
    return True


def _taken(front: Frontend) -> StackcError:
    return fail(
        Code.DEPLOYMENT_FAILED,
        f"Ray Serve cannot listen on {front.host} port {front.port}",
        help="choose another with `backends.serve.host` and `backends.serve.port`",
    )


def _elsewhere(found: Frontend) -> StackcError:
    return fail(
        Code.DEPLOYMENT_FAILED,
        f"the cluster's Ray Serve listens on {found.host} port {found.port}, and its applications"
        " are not ours alone to move",
        help=f"set `backends.serve.host={found.host}` and `backends.serve.port={found.port}`",
    )
