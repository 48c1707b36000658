"""The SDK's client, made from settings: it waits only so long, and repeats only what may be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from backends.lakefs import LakefsServer

_CONNECT = 10.0
_BUSY = (429, 500, 502, 503, 504)


def client_of(settings: LakefsServer, secret: Callable[[str], str]) -> Any:
    """A client whose credentials were resolved just now.

    Raises:
        StackcError: E708 for a secret that is not set.
    """
    import lakefs
    import urllib3

    make: Any = lakefs.Client
    client = make(
        host=settings.endpoint,
        username=secret(settings.access_key_id),
        password=secret(settings.secret_access_key),
    )
    retries = urllib3.Retry(
        3, read=1, allowed_methods=("GET", "HEAD"), status_forcelist=_BUSY, backoff_factor=0.1,
        raise_on_status=False,
    )  # fmt: skip
    wait = urllib3.Timeout(connect=min(_CONNECT, settings.timeout), read=settings.timeout)
    rest = client.sdk_client.objects_api.api_client.rest_client
    rest.pool_manager = _patient(wait, retries)
    return client


def _patient(wait: Any, retries: Any) -> Any:
    """A pool for the SDK, which passes no timeout of its own, or None, which means for ever."""
    import urllib3

    class Pool(urllib3.PoolManager):
        def urlopen(self, method: str, url: str, redirect: bool = True, **more: Any) -> Any:  # type: ignore[override]
            if more.get("timeout") is None:
                more["timeout"] = wait
            return super().urlopen(method, url, redirect, **more)

    return Pool(retries=retries)
