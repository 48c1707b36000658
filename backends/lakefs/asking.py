"""Calls of a lakeFS server, and what each way they may fail means to the user."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from typing import TypeVar

from msgspec import Struct

from compiler.codes import Code
from compiler.diagnostics import StackcError, fail
from compiler.engine import durable

T = TypeVar("T")

_WAYS = {
    400: "what the server says tells what it does not like",
    401: "check the secrets that `access_key_id` and `secret_access_key` of the backend refer to",
    403: "give the key a policy that allows it, or look at the protection of the branch",
    404: "check `repository` and `branch` of the backend; a `storage_namespace` lets apply make"
    " the repository",
    409: "apply again when nobody else is writing there",
    412: "apply again when nobody else is writing there",
    429: "the server is asked too much: apply again later",
}
_LATER = "apply again: what finished is kept"
_KEPT = "the version that was published before stays in use"


class Asking(Struct, frozen=True):
    """What a server is asked for.

    Attributes:
        endpoint: The server's address.
        code: The code of what goes wrong.
        settings: Where the settings of the server are, for messages.
        kept: What stays as it was when something goes wrong; empty where nothing is changed.
    """

    endpoint: str
    code: Code
    settings: str
    kept: tuple[str, ...] = ()


def publishing(endpoint: str) -> Asking:
    """To keep versions of tables (E720)."""
    return Asking(endpoint, Code.VERSION_STORE, "backends.version", (_KEPT,))


def reading(endpoint: str) -> Asking:
    """To read what others keep there (E709)."""
    return Asking(endpoint, Code.CONNECTION, "backends.read.lakefs")


def ask(
    asking: Asking, doing: str, call: Callable[[], T], allowed: Collection[int] = ()
) -> T | None:
    """One call; None where the server refuses it with a status that is allowed to happen.

    Raises:
        StackcError: Saying what was being done and how it failed.
    """
    import urllib3
    from lakefs.exceptions import LakeFSException, ServerException
    from lakefs_sdk.exceptions import ApiException

    durable.point("lakefs.call")
    try:
        return call()
    except ApiException as error:
        # Status 0 is what the SDK makes of a certificate that does not fit.
        status, body = int(error.status or 0), error.body
        said = _message(body) or str(error.reason or "").replace("\n", ": ")
    except ServerException as error:
        status, said = int(error.status_code or 0), _said(error.body) or str(error.reason)
    except LakeFSException as error:
        raise _failed(asking, doing, f"the client refuses: {error}", _LATER) from error
    except urllib3.exceptions.HTTPError as error:
        raise unreachable(asking, doing, error) from error
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        what = f"`{asking.endpoint}` answers something that lakeFS does not"
        raise _failed(asking, doing, what, "check `endpoint` of the backend") from error
    if status in allowed:
        return None
    way = _WAYS.get(status, _LATER if status >= 500 else "check `endpoint` of the backend")
    raise _failed(asking, doing, f"`{asking.endpoint}` answers {status or 'nothing'}: {said}", way)


def unreachable(asking: Asking, doing: str, error: Exception) -> StackcError:
    """The error of a server that is not there, too slow, or gone in the middle of an answer."""
    import urllib3

    endpoint = asking.endpoint
    reason = getattr(error, "reason", None) or error
    if isinstance(
        reason, urllib3.exceptions.ConnectTimeoutError | urllib3.exceptions.NewConnectionError
    ):
        return _failed(
            asking, doing, f"`{endpoint}` does not answer", "is the server running there?"
        )
    if isinstance(reason, urllib3.exceptions.TimeoutError):
        way = f"apply again, with a longer `{asking.settings}.timeout=…` if it is always so slow"
        return _failed(asking, doing, f"`{endpoint}` does not answer in time", way)
    if isinstance(
        reason, urllib3.exceptions.LocationParseError | urllib3.exceptions.LocationValueError
    ):
        return _failed(
            asking, doing, f"`{endpoint}` is no address", "write it as `https://host:port`"
        )
    return _failed(asking, doing, f"the connection to `{endpoint}` broke off", _LATER)


def refused(what: str, *ways: str) -> StackcError:
    """The error of a lakeFS that cannot keep a version (E720)."""
    return fail(Code.VERSION_STORE, f"lakeFS cannot keep the version: {what}", help=(*ways, _KEPT))


def _failed(asking: Asking, doing: str, what: str, way: str) -> StackcError:
    return fail(asking.code, f"lakeFS cannot {doing}: {what}", help=(way, *asking.kept))


def _message(body: object) -> str:
    try:
        return _said(json.loads(str(body)))
    except ValueError:
        return ""


def _said(body: object) -> str:
    return str(body.get("message", "")) if isinstance(body, dict) else ""
