"""ASGI messages to what the application reads, and back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, TypeAlias

from msgspec import Struct

from backends.serving.replies import Failure, Reply

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
MOST_BYTES = 32 << 20
"""The largest body that is read."""


class Call(Struct, frozen=True):
    """The head of a request; ``length`` is None where it does not say, HEAD counts as GET."""

    method: str
    parts: tuple[str, ...]
    key: str | None
    length: int | None


def call_of(scope: Mapping[str, Any]) -> Call:
    """The head of a request."""
    key, length = None, None
    for name, value in scope["headers"]:
        if name == b"x-api-key":
            key = value.decode("utf-8", "replace")
        elif name == b"authorization" and key is None and value[:7].lower() == b"bearer ":
            key = value[7:].strip().decode("utf-8", "replace")
        elif name == b"content-length" and value.isdigit():
            length = int(value[:20])
    method = scope["method"]
    parts = tuple(scope["path"].strip("/").split("/"))
    return Call("GET" if method == "HEAD" else method, parts, key, length)


async def body_of(call: Call, receive: Receive, timeout_s: float) -> bytes:
    """The whole body; raises Failure: 413 where too large, 408 where too slow."""
    if call.length is not None and call.length > MOST_BYTES:
        raise _too_large()
    try:
        async with asyncio.timeout(timeout_s):
            message = await receive()
            body: bytes = message.get("body", b"")
            if message.get("more_body", False):
                body = await _rest(body, receive)
    except TimeoutError:
        raise Failure(408, f"the body did not come within {timeout_s:g} s") from None
    if len(body) > MOST_BYTES:
        raise _too_large()
    return body


async def _rest(start: bytes, receive: Receive) -> bytes:
    whole = bytearray(start)
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Failure(400, "the body was cut short")
        whole += message.get("body", b"")
        more = message.get("more_body", False)
        if len(whole) > MOST_BYTES:
            raise _too_large()
    return bytes(whole)


def _too_large() -> Failure:
    return Failure(413, f"the body is larger than {MOST_BYTES >> 20} MB")


async def send_reply(send: Send, reply: Reply, bare: bool) -> None:
    """Send an answer; ``bare`` without its body."""
    headers = [*reply.headers, (b"content-length", str(len(reply.body)).encode())]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if bare else reply.body})


async def lifespan(receive: Receive, send: Send) -> None:
    """Say that there is nothing to start; return when the server stops."""
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return
