"""Every request and every answer held to lakeFS's OpenAPI document."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import yaml
from openapi_core import OpenAPI
from openapi_core.datatypes import RequestParameters
from werkzeug.datastructures import Headers, ImmutableMultiDict

VARIABLE = "LAKEFS_SWAGGER"
BASE = "/api/v1"
QUIET = pytest.mark.filterwarnings("ignore:Use of allowEmptyValue property:DeprecationWarning")
"""The document uses a property that its validator wants to be rid of."""


@dataclass
class Request:
    """A request as openapi-core wants it."""

    host_url: str
    path: str
    method: str
    parameters: RequestParameters
    content_type: str
    body: bytes | None


@dataclass
class Response:
    """An answer as openapi-core wants it."""

    status_code: int
    content_type: str
    headers: Headers
    data: bytes | None


class Contract:
    """The document: which operation a request means, and what is wrong with either side."""

    def __init__(self, path: Path) -> None:
        # JSON's keys are texts, as the validator wants the status codes.
        document = json.loads(json.dumps(yaml.safe_load(path.read_text("utf-8")), default=str))
        self._openapi = OpenAPI.from_dict(document)
        self._operations = [
            (method.upper(), _pattern(template), found["operationId"])
            for template, methods in document["paths"].items()
            for method, found in methods.items()
            if method in ("get", "post", "put", "delete", "head", "patch")
        ]

    def operation(self, method: str, path: str) -> tuple[str, dict[str, str]] | None:
        """The operation's id and the parameters in the path."""
        for verb, pattern, operation in self._operations:
            match = pattern.fullmatch(path)
            if verb == method and match:
                return operation, match.groupdict()
        return None

    def request(
        self, host: str, method: str, path: str, query: list[tuple[str, str]],
        headers: dict[str, str], body: bytes,
    ) -> Request:  # fmt: skip
        parameters = RequestParameters(
            query=ImmutableMultiDict(query), header=Headers(list(headers.items()))
        )
        kind = headers.get("content-type", "")
        return Request(host, path, method.lower(), parameters, kind, body or None)

    def problems(self, request: Request, response: Response | None = None) -> list[str]:
        """What the document says against a request, or against the answer to it."""
        if response is None:
            errors = self._openapi.iter_request_errors(request)
        else:
            errors = self._openapi.iter_response_errors(request, response)
        return [
            f"{request.method} {request.path}: {error!r} {error.__cause__!r}" for error in errors
        ]


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template))


@cache
def contract() -> Contract:
    """The contract of the document that the environment names; the test is skipped without it."""
    path = os.environ.get(VARIABLE)
    if not path:
        pytest.skip(f"{VARIABLE} does not say where lakeFS's OpenAPI document is")
    if not Path(path).is_file():
        raise FileNotFoundError(f"{VARIABLE}={path}")
    return Contract(Path(path))


def answer(status: int, kind: str, headers: dict[str, str], data: bytes | None) -> Response:
    """An answer to be checked, without Content-Range: the document gives it Range's pattern."""
    given = [(name, value) for name, value in headers.items() if name != "Content-Range"]
    return Response(status, kind, Headers(given), data)
