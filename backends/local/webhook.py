"""One POST of an event to a webhook: bounded in time, never redirected, silent about secrets."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from compiler.codes import Code
from compiler.diagnostics import StackcError, fail

CLOUDEVENT = "application/cloudevents+json"
_KIND = "Content-Type"
TIMEOUT = 10.0
"""Seconds for the whole of it; a server that drips its answer gains nothing."""


class _NoRedirects(HTTPRedirectHandler):
    """Another place was not what the user named, and would be handed the headers."""

    def redirect_request(self, *arguments: Any, **named: Any) -> None:
        """Refuse, so that the answer stays the 3xx it is."""


def post(
    channel: str,
    shown: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    timeout: float = TIMEOUT,
    kind: str = CLOUDEVENT,
) -> None:
    """POST ``body``, a CloudEvent in JSON unless ``kind`` says otherwise.

    Args:
        channel: Its name, for messages.
        shown: The url as the spec has it, with references in place of secrets.
        url: The url itself.
        headers: Sent along, secrets resolved.
        body: The event.
        timeout: Seconds for the whole exchange.
        kind: Its media type.

    Raises:
        StackcError: W701 where the answer is not 2xx or does not come.
    """
    reason = _unusable(url, headers) or _sent(url, {**headers, _KIND: kind}, body, timeout)
    if reason is not None:
        raise _failed(channel, shown, reason)


def _failed(channel: str, shown: str, reason: str) -> StackcError:
    return fail(
        Code.NOTIFICATION_FAILED,
        f"`{channel}` was not told: {shown} {reason}",
        help="mend the channel; the event is kept and is sent again with the next run",
    )


def _unusable(url: str, headers: Mapping[str, str]) -> str | None:
    """Why this cannot be sent at all, without quoting what may be secret."""
    if not (url.isascii() and url.isprintable()) or " " in url:
        return "has characters that a url may not have"
    try:
        parts = urlsplit(url)
        host, user, _ = parts.hostname, parts.username, parts.port
    except ValueError:
        return "is no url"
    if parts.scheme not in ("http", "https"):
        return "is neither http nor https"
    if not host:
        return "names no host"
    if user is not None:
        return "holds a user name; put credentials into `headers`"
    for name, value in headers.items():
        if not (value.isascii() and value.isprintable()) or not _token(name):
            return f"cannot be sent the header `{name}`: it has characters that HTTP forbids"
    return None


def _token(name: str) -> bool:
    return bool(name) and name.isascii() and name.replace("-", "").replace("_", "").isalnum()


def _sent(url: str, headers: Mapping[str, str], body: bytes, timeout: float) -> str | None:
    """Send it; None when it was taken, else the reason in words of our own."""
    outcome: list[str | None] = []

    def work() -> None:
        outcome.append(_attempt(url, headers, body, timeout))

    # A socket's timeout is per read; the thread's is for the whole.
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(timeout)
    return outcome[0] if outcome else f"did not answer within {timeout:g} s"


def _attempt(url: str, headers: Mapping[str, str], body: bytes, timeout: float) -> str | None:
    request = Request(url, data=body, method="POST")  # noqa: S310 (the scheme was checked)
    request.add_header("User-Agent", "stackc")
    for name, value in headers.items():
        request.add_header(name, value)
    try:
        with _opener().open(request, timeout=timeout):
            return None
    except HTTPError as error:
        with error:
            return _answered(error.code)
    except URLError as error:
        return _unreachable(error.reason)
    except Exception as error:
        # Whatever breaks inside may quote the url or a header; its name does not.
        return _unreachable(error)


def _opener() -> OpenerDirector:
    return build_opener(_NoRedirects)


def _answered(status: int) -> str:
    if 300 <= status < 400:
        return f"answered {status}, a redirect, which is not followed"
    try:
        return f"answered {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"answered {status}"


def _unreachable(reason: object) -> str:
    known: tuple[tuple[type[BaseException], str], ...] = (
        (socket.gaierror, "cannot be found: its host name has no address"),
        (TimeoutError, "did not answer in time"),
        (ConnectionRefusedError, "cannot be reached: connection refused"),
        (ssl.SSLError, "cannot be trusted: its TLS certificate or handshake was refused"),
        (OSError, "cannot be reached"),
    )
    for kind, words in known:
        if isinstance(reason, kind):
            return words
    return "did not answer as a web server does"
