"""What is sent back: JSON always, and never a traceback."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import orjson
from msgspec import Struct
from msgspec.structs import asdict

from backends.serving.rows import Problem

Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]
JSON: Headers = ((b"content-type", b"application/json"),)
_PROBLEM: Headers = ((b"content-type", b"application/problem+json"),)


class Reply(Struct, frozen=True):
    """An answer to a request; ``rows`` is how many rows were predicted for it."""

    status: int
    body: bytes
    headers: Headers = JSON
    rows: int = 0


class Failure(Exception):
    """A request that gets no answer, and why."""

    def __init__(
        self,
        status: int,
        message: str,
        problems: Sequence[Problem] = (),
        headers: Headers = (),
    ) -> None:
        super().__init__(message)
        self.status, self.message = status, message
        self.problems, self.headers = problems, headers

    def reply(self) -> Reply:
        """The failure as JSON."""
        said: dict[str, Any] = {"error": self.message, "status": self.status}
        if self.problems:
            said["problems"] = [asdict(problem) for problem in self.problems]
        return Reply(self.status, dumps(said), _PROBLEM + self.headers)


def busy(message: str) -> Failure:
    """Too much to do at this moment; asking again later may do."""
    return Failure(503, message, headers=((b"retry-after", b"1"),))


def dumps(value: Any) -> bytes:
    """JSON; text that is no UTF-8, which only a broken request brings, is made so."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return orjson.dumps(_clean(value))


def loads(body: bytes) -> Any:
    """The JSON of a body; raises Failure (400).

    orjson refuses what is not strictly JSON, such as a literal NaN or half a
    surrogate pair, and what is nested so deep that reading it would fail.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Failure(400, f"the body is no JSON: {error}") from None


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_clean(key): _clean(part) for key, part in value.items()}
    return [_clean(part) for part in value] if isinstance(value, list) else value
