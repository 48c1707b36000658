"""The OpenAPI 3.1 document of everything that a process serves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from backends.models.package import PREDICTION, PROBABILITY
from backends.serving.deployed import Deployed
from backends.serving.model import ServedModel
from backends.serving.values import NON_FINITE
from compiler.graph.types import Column, DataType

_NUMBER = {"anyOf": [{"type": "number"}, {"enum": list(NON_FINITE)}]}
_TEXTS: dict[str, dict[str, Any]] = {
    "string": {"type": "string"},
    "date": {"type": "string", "format": "date"},
    "time": {"type": "string", "examples": ["13:05:59.5"]},
    "timestamp": {"type": "string", "examples": ["2026-01-31T13:05:59"]},
    "timestamptz": {"type": "string", "format": "date-time"},
}
_LABELS = {bool: "boolean", int: "integer", float: "number", str: "string"}
_KEYS = {
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "bearer": {"type": "http", "scheme": "bearer"},
}
_FAILURES = {
    "400": "The body is no JSON",
    "401": "The API key is missing or wrong",
    "413": "The body is too large, or has too many rows",
    "422": "The model does not take these rows",
    "503": "Too much to do; ask again later",
}


def openapi(held: Iterable[tuple[str, Deployed]]) -> dict[str, Any]:
    """The document of these deployments."""
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {"Problems": _problems()}
    for name, deployed in held:
        schemas[f"{name}.row"] = row_schema(deployed.model.request, deployed.model.beside)
        schemas[f"{name}.answer"] = _answer(deployed.model)
        paths[f"/{name}"] = {"post": _ask(name, deployed)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "stackc", "version": "1"},
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": _KEYS},
    }


def row_schema(request: Iterable[Column], beside: Iterable[Column] = ()) -> dict[str, Any]:
    """The JSON schema of one row of a request; columns ``beside`` may be left out."""
    columns = tuple(request)
    return {
        "type": "object",
        "properties": {column.name: _column(column) for column in (*columns, *beside)},
        "required": [column.name for column in columns if not column.nullable],
        "additionalProperties": False,
    }


def _column(column: Column) -> dict[str, Any]:
    plain = _type(column.type)
    return {"anyOf": [plain, {"type": "null"}]} if column.nullable else plain


def _type(kind: DataType) -> dict[str, Any]:
    if kind == "bool":
        return {"type": "boolean"}
    if kind.is_integer:
        bounds = np.iinfo(str(kind))
        high = min(int(bounds.max), 2**63 - 1)
        return {"type": "integer", "minimum": int(bounds.min), "maximum": high}
    if kind.is_decimal:
        return {"type": ["number", "string"], "description": str(kind)}
    return _NUMBER if kind.is_float else _TEXTS[kind]


def _answer(model: ServedModel) -> dict[str, Any]:
    properties: dict[str, Any] = {PREDICTION: _NUMBER}
    if model.classes:
        label = {"type": _LABELS[type(model.classes[0])], "enum": list(model.classes)}
        properties = {PREDICTION: label, PROBABILITY: _NUMBER}
    return {"type": "object", "properties": properties, "required": list(properties)}


def _ask(name: str, deployed: Deployed) -> dict[str, Any]:
    row = {"$ref": f"#/components/schemas/{name}.row"}
    rows = {"type": "array", "items": row, "maxItems": deployed.limits.rows}
    several = {"type": "object", "properties": {"rows": rows}, "required": ["rows"]}
    answer = {"$ref": f"#/components/schemas/{name}.answer"}
    found = {
        "type": "object",
        "properties": {
            "deployment": {"const": name},
            "revision": {"type": "integer"},
            "predictions": {"type": "array", "items": answer},
        },
        "required": ["deployment", "revision", "predictions"],
    }
    failed = _content({"$ref": "#/components/schemas/Problems"}, "application/problem+json")
    responses: dict[str, Any] = {"200": {"description": "Predictions", **_content(found)}}
    responses |= {status: {"description": text, **failed} for status, text in _FAILURES.items()}
    asked = {"required": True, **_content({"anyOf": [several, row]})}
    said = {"operationId": f"predict.{name}", "requestBody": asked, "responses": responses}
    return said | ({"security": [{"key": []}, {"bearer": []}]} if deployed.api_key else {})


def _content(schema: dict[str, Any], kind: str = "application/json") -> dict[str, Any]:
    return {"content": {kind: {"schema": schema}}}


def _problems() -> dict[str, Any]:
    problem = {
        "type": "object",
        "properties": {
            "row": {"type": ["integer", "null"]},
            "column": {"type": ["string", "null"]},
            "message": {"type": "string"},
        },
    }
    return {
        "type": "object",
        "properties": {
            "error": {"type": "string"},
            "status": {"type": "integer"},
            "problems": {"type": "array", "items": problem},
        },
        "required": ["error", "status"],
    }
