"""The application over HTTP: routes, keys, limits. Plain ASGI, as routing is a few words.

``GET /healthz``, ``/metrics``, ``/openapi.json``; ``GET`` and ``POST /{deployment}``;
and the Open Inference Protocol under ``/v2``.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import perf_counter
from typing import Any, TypeAlias

from backends.serving.asked import ask
from backends.serving.deployed import Deployed, Limits, Models
from backends.serving.inference import SERVER, described, infer
from backends.serving.lanes import Lane, Lanes
from backends.serving.openapi import openapi, row_schema
from backends.serving.replies import Failure, Reply, busy, dumps
from backends.serving.rows import near
from backends.serving.trying import tried
from backends.serving.wire import Call, Receive, Send, body_of, call_of, lifespan, send_reply

__all__ = ["App", "Deployed", "Limits", "Models", "make_app"]

Scope: TypeAlias = MutableMapping[str, Any]
Work: TypeAlias = Callable[[str, Deployed, bytes], Reply]
INLINE_BYTES = 16_384
"""Up to this size a request is answered where it is read: a thread's turn costs more."""
_LOG = logging.getLogger(__name__)


def make_app(models: Models, threads: int = 2) -> App:
    """The application of these models; ``threads`` answer the larger requests."""
    return App(models, threads)


class App:
    """An ASGI application."""

    def __init__(self, models: Models, threads: int) -> None:
        self.models, self.lanes = models, Lanes()
        self._pool = ThreadPoolExecutor(threads, "predict")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; whatever goes wrong here is told to the log, not to who asked."""
        if scope["type"] == "lifespan":
            await lifespan(receive, send)
            self._pool.shutdown(wait=False, cancel_futures=True)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        try:
            reply = await self._reply(call_of(scope), receive)
        except Failure as failure:
            reply = failure.reply()
        except asyncio.CancelledError:
            # The server ends, and who is still at work has been given all the time there is.
            reply = busy("the server stops, and this took too long to be waited for").reply()
        except Exception:
            reply = _broken()
        await send_reply(send, reply, bare=scope["method"] == "HEAD")

    async def _reply(self, call: Call, receive: Receive) -> Reply:
        match call.parts:
            case ("healthz",):
                _only(call, "GET")
                return Reply(200, b'{"status":"ok"}')
            case ("metrics" | "openapi.json",) | ("v2",) | ("v2", "health", "live" | "ready"):
                _only(call, "GET")
                return self._of_all(call)
            case ("v2", "models", name, "infer"):
                return await self._predict(name, call, receive, infer)
            case ("v2", "models", name) | ("v2", "models", name, "ready"):
                return self._v2_model(name, call)
            case (name,) if call.method == "POST":
                return await self._predict(name, call, receive, ask)
            case (name,):
                return self._described(name, call)
        if not self.models.allows(call.key):
            raise _locked()
        raise Failure(404, "there is nothing here; /openapi.json tells what there is")

    def _of_all(self, call: Call) -> Reply:
        if not self.models.allows(call.key):
            raise _locked()
        match call.parts:
            case ("metrics",):
                return self.lanes.exposition(self.models)
            case ("openapi.json",):
                return Reply(200, dumps(openapi(self.models.items())))
            case ("v2",):
                return Reply(200, dumps(SERVER))
        if call.parts[-1] == "live":
            return Reply(200, b'{"live":true}')
        if not self.models.ready:
            raise busy("not every deployment is up again yet")
        return Reply(200, b'{"ready":true}')

    def _v2_model(self, name: str, call: Call) -> Reply:
        deployed = self._deployed(name, call)
        _only(call, "GET")
        if call.parts[-1] == "ready" and len(call.parts) == 4:
            return Reply(200, dumps({"name": name, "ready": True}))
        return Reply(200, dumps(described(name, deployed)))

    def _described(self, name: str, call: Call) -> Reply:
        deployed = self._deployed(name, call)
        _only(call, "GET", "POST")
        said = {
            "deployment": name,
            "revision": deployed.revision,
            "model": deployed.digest,
            "task": deployed.model.task.value,
            "threshold": deployed.model.threshold,
            "request": row_schema(deployed.model.request, deployed.model.beside),
        }
        return Reply(200, dumps(said))

    def _deployed(self, name: str, call: Call) -> Deployed:
        """The deployment, for who may ask it; who may not is not told which there are."""
        found = self.models.get(name)
        if found is None and self.models.awaits(name):
            raise busy(f"`{name}` is not up again yet; the next apply brings it back")
        if found is None and self.models.allows(call.key):
            hint = near(name, self.models)
            raise Failure(404, f"there is no deployment `{name[:100]}`{hint}")
        if found is None or not found.allows(call.key):
            raise _locked()
        return found

    async def _predict(self, name: str, call: Call, receive: Receive, work: Work) -> Reply:
        started = perf_counter()
        deployed = self._deployed(name, call)
        lane = self.lanes.lane(name)
        try:
            _only(call, "POST")
            body = await body_of(call, receive, deployed.limits.timeout_s)
            if deployed.canary is None:
                reply = await self._worked(
                    lane, deployed, partial(work, name, deployed, body), body
                )
            else:
                answer = partial(self._answer, name, lane, work, body)
                reply = await tried(deployed, deployed.canary, answer)
        except Failure as failure:
            reply = failure.reply()
        except Exception:
            reply = _broken()
        lane.done(reply, started)
        return reply

    async def _answer(
        self, name: str, lane: Lane, work: Work, body: bytes, deployed: Deployed
    ) -> Reply:
        """What one revision answers, refusals and failures included."""
        try:
            return await self._worked(lane, deployed, partial(work, name, deployed, body), body)
        except Failure as failure:
            return failure.reply()
        except Exception:
            return _broken()

    async def _worked(
        self, lane: Lane, deployed: Deployed, work: Callable[[], Reply], body: bytes
    ) -> Reply:
        """Do the work here or in a thread, unless too much is at work already."""
        if lane.at_work >= deployed.limits.queue:
            raise busy(f"{lane.at_work} requests are at work, which is as many as may be")
        if len(body) <= INLINE_BYTES:
            return work()
        loop = asyncio.get_running_loop()
        lane.at_work += 1
        job = self._pool.submit(work)
        job.add_done_callback(lambda _: _leave(loop, lane))
        within = deployed.leaving.within(deployed.limits.timeout_s)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(job), within)
        except TimeoutError:
            raise busy(f"no answer within {within:g} s") from None


def _leave(loop: asyncio.AbstractEventLoop, lane: Lane) -> None:
    """A job is over, which may be after its request was given up: only then is there room."""

    def leave() -> None:
        lane.at_work -= 1

    if not loop.is_closed():
        loop.call_soon_threadsafe(leave)


def _only(call: Call, *methods: str) -> None:
    if call.method not in methods:
        allowed = ", ".join(methods)
        message = f"{call.method[:20]} is not answered here; {allowed} is"
        raise Failure(405, message, headers=((b"allow", allowed.encode()),))


def _locked() -> Failure:
    message = "an API key is needed: `X-API-Key: …` or `Authorization: Bearer …`"
    return Failure(401, message, headers=((b"www-authenticate", b"Bearer"),))


def _broken() -> Reply:
    """Called while an exception is handled."""
    number = secrets.token_hex(4)
    _LOG.exception("request %s failed", number)
    return Failure(500, f"the request failed here; the log has it as {number}").reply()
