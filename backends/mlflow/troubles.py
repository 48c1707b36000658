"""What MLflow raises, in words for the user: one diagnostic (E721), located and with a way out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from compiler.codes import Code
from compiler.diagnostics import StackcError, fail

_STATUS = re.compile(r"too many (\d{3}) error responses|failed with error code (\d{3})")
_ACCESS = {
    "UNAUTHENTICATED": "does not know the user",
    "CUSTOMER_UNAUTHORIZED": "does not know the user",
    "PERMISSION_DENIED": "does not let the user do this",
}
_LONGEST = 300
_SECRETS = "check `username` and `password`, or `token`, under `backends.register`"
_RUNNING = "see whether it runs and `backends.register.tracking_uri` is right, then apply again"


def refused(where: str, what: str, way: str) -> StackcError:
    """The error of an MLflow that does not do its part."""
    return fail(
        Code.REGISTRY,
        f"{where} {what}",
        help=(way, "the champion before stays, and what was begun is not registered twice"),
    )


@contextmanager
def translated(where: str, timeout: int) -> Iterator[None]:
    """Turn whatever a call of MLflow raises into a diagnostic.

    Raises:
        StackcError: E721.
    """
    try:
        yield
    except (StackcError, MemoryError):
        raise
    except Exception as error:  # an answer that is no MLflow's makes its client raise anything
        raise refused(where, *_why(error, timeout)) from error


def missing(error: Exception) -> bool:
    """Whether an MLflow, and not what stands in its place, says that there is no such thing."""
    from mlflow.exceptions import MlflowException

    if not isinstance(error, MlflowException) or _status(str(error)) is not None:
        return False
    return str(error.error_code) in ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND")


def _why(error: Exception, timeout: int) -> tuple[str, str]:
    """What went wrong, and the way out."""
    import requests
    from mlflow.exceptions import MlflowException

    causes = list(_causes(error))
    code = str(error.error_code) if isinstance(error, MlflowException) else ""
    status = _status(str(error))
    if any(isinstance(cause, requests.Timeout | TimeoutError) for cause in causes):
        return f"gives no answer within {timeout} s", f"{_RUNNING}, or give it more `timeout`"
    if code in _ACCESS:
        return _ACCESS[code], _SECRETS
    if status is not None and status >= 500:
        return f"fails: it answers with {status}", "look at the server's log, then apply again"
    if status is not None:
        return f"answers with {status}, as no MLflow does", _RUNNING
    if any(isinstance(cause, requests.RequestException) for cause in causes):
        return f"cannot be reached: {_innermost(causes)}", _RUNNING
    if isinstance(error, ValueError | LookupError | TypeError | AttributeError) or (
        "not in a valid JSON format" in str(error)
    ):
        return "answers with what is no answer of an MLflow", _RUNNING
    return f"refuses: {_first_line(error)}", "mend what it says, then apply again"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and those that led to it; a client wraps them, and loses them from its text."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _innermost(causes: list[BaseException]) -> str:
    found = next((c for c in reversed(causes) if isinstance(c, OSError) and c.strerror), causes[-1])
    return str(getattr(found, "strerror", None) or _first_line(found))


def _status(text: str) -> int | None:
    found = _STATUS.search(text)
    return int(found.group(1) or found.group(2)) if found else None


def _first_line(error: BaseException) -> str:
    first = str(error).strip().split("\n", 1)[0][:_LONGEST]
    return first or type(error).__name__
