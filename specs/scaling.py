"""How a spec grows: keys that are gone before it is typed, for editors that check it as written.

What they mean is in ``compiler/load/expand``; a spec is typed when every block is written out.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any


class File(StrEnum):
    """Files that blocks are written in."""

    SPEC = "spec"
    PART = "part"
    MODULE = "module"


FOR_EACH = "for_each"
INPUT_TYPES = (
    "text", "number", "integer", "boolean", "list", "mapping",
    "source", "dataset", "table", "model", "deployment", "notification",
)  # fmt: skip
"""What an input of a module may be: a plain value, or the name of a block."""

MODULES = "modules"
INPUTS: dict[str, Any] = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "properties": {
            "type": {"enum": [*INPUT_TYPES], "description": "What it is, or what it names."},
            "default": {"description": "What it is where a use gives none; without, one has to."},
            "description": {"type": "string"},
        },
        "required": ["type"],
        "additionalProperties": False,
    },
    "description": "What a use of the module gives it, as `${input.name}`.",
    "examples": [{"cases": {"type": "table"}, "least": {"type": "number", "default": 0.9}}],
}
"""The inputs of a module, as it declares them."""

_FILES = {
    "type": "array",
    "items": {"type": "string", "minLength": 1},
    "description": "Further files of this spec: names and patterns, inside of its folder.",
    "examples": [["sources.yaml", "models/*.yaml"]],
}
_ENVIRONMENTS = {
    "type": "object",
    "additionalProperties": {"anyOf": [{"type": "object"}, {"type": "null"}]},
    "description": "Partial specs by name; `--env NAME` merges one over the rest.",
}
_USE = {
    "type": "object",
    "properties": {
        "use": {"type": "string", "description": "The module's file, relative to the spec."},
        "with": {"type": "object", "description": "Its inputs by name."},
        "description": {"type": "string"},
        "owner": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["use"],
    "additionalProperties": False,
}
_KEYS = {
    "anyOf": [
        {"type": "array", "items": {"type": ["string", "integer"]}, "minItems": 1},
        {"type": "object", "minProperties": 1},
        {"type": "string", "pattern": r"^\$\{.*\}$"},
    ],
    "description": "Make the block once for each of these keys, as `name_key`.",
}
TOP_KEYS = ("include", "environments", MODULES, "defaults")
"""Keys of the spec that its typed form does not have."""


def with_scaling(schema: dict[str, Any], kinds: list[str]) -> None:
    """Add the keys of this module to a JSON Schema.

    Args:
        schema: The schema of a whole spec.
        kinds: The kinds whose blocks may be made for each of some keys.
    """
    use = {**_USE, "properties": {FOR_EACH: _KEYS, **_USE["properties"]}}  # type: ignore[dict-item]
    properties = schema["properties"]
    properties["include"] = _FILES
    properties["environments"] = _ENVIRONMENTS
    properties[MODULES] = {
        "type": "object",
        "additionalProperties": use,
        "description": "Blocks from files with inputs: `name: {use: file, with: inputs}`.",
    }
    for kind in kinds:
        (blocks,) = properties[kind]["patternProperties"].values()
        name = blocks["$ref"].rsplit("/", 1)[1]
        schema["$defs"][name]["properties"][FOR_EACH] = _KEYS
