"""The language as JSON Schema (2020-12): as it means, and as editors check files as written."""

from __future__ import annotations

from typing import Any, TypeAlias

from specs.scaling import INPUTS, MODULES, File, with_scaling
from specs.stack import KINDS, Stack

Schema: TypeAlias = dict[str, Any]

_REFERENCE = r"\$\{.+\}|^\?\?\?$"
_TOLD_ELSEWHERE = "ToldElsewhere"
_PLAIN = {
    "integer": "a whole number", "number": "a number", "boolean": "true or false",
    "array": "a list", "object": "a mapping",
}  # fmt: skip
_WORDS = ("title", "description", "default", "examples")


def json_schema() -> Schema:
    """The language, every value written out."""
    schema = Stack.model_json_schema(mode="validation")
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "stackc spec"
    schema["properties"]["defaults"] = {
        "type": "array",
        "description": "Hydra defaults list: config groups that this spec is composed from.",
        "examples": [[{"size": "small"}, "_self_"]],
    }
    with_scaling(schema, [kind for kind in KINDS if kind != "validation"])
    _close(schema)
    return schema


def editor_schema(file: File = File.SPEC) -> Schema:
    """What an editor may hold a file against: a value may be told elsewhere, by ``${…}``.

    A part of a spec (``include``) has blocks alone, a module its inputs besides.
    """
    schema = json_schema()
    definitions = schema["$defs"]
    for parts, inside in ((schema["properties"], _inside_blocks), (definitions, _inside)):
        parts.update({name: inside(part, definitions) for name, part in parts.items()})
    definitions[_TOLD_ELSEWHERE] = {
        "type": "string",
        "pattern": _REFERENCE,
        "description": "A value that is told elsewhere: `${…}`, or `???` where it has to be.",
    }
    return schema if file is File.SPEC else _piece(schema, file)


def _piece(schema: Schema, file: File) -> Schema:
    """The schema of a file that is not the spec's own."""
    own: Schema = {"inputs": INPUTS, "description": {"type": "string"}}
    if file is File.PART:
        own = {key: schema["properties"][key] for key in ("stackc", "name")}
    blocks = {key: schema["properties"][key] for key in (*KINDS, MODULES)}
    rest = {key: value for key, value in schema.items() if key not in ("required", "description")}
    return {**rest, "title": f"stackc {file}", "properties": {**own, **blocks}}


def _close(part: Any) -> None:
    """Where keys have a pattern, no others may stand; Pydantic leaves that to be understood."""
    if isinstance(part, dict):
        if "patternProperties" in part:
            part["additionalProperties"] = False
        for value in part.values():
            _close(value)
    elif isinstance(part, list):
        for value in part:
            _close(value)


def _inside_blocks(part: Schema, definitions: Schema) -> Schema:
    """Blocks by name, which are written where they stand."""
    blocks = part.get("patternProperties", {})
    made = {pattern: _inside(block, definitions) for pattern, block in blocks.items()}
    return {**part, "patternProperties": made} if made else part


def _inside(part: Schema, definitions: Schema) -> Schema:
    """A value in which references may stand for the values inside of it."""
    part = dict(part)
    for word in ("properties", "patternProperties"):
        if word in part:
            part[word] = {key: _open(inner, definitions) for key, inner in part[word].items()}
    for word in ("additionalProperties", "items"):
        if isinstance(part.get(word), dict):
            part[word] = _open(part[word], definitions)
    if "prefixItems" in part:
        part["prefixItems"] = [_open(inner, definitions) for inner in part["prefixItems"]]
    # What tells options apart may be a reference, too: then several may hold.
    options = part.pop("oneOf", part.get("anyOf"))
    if options is not None:
        part.pop("discriminator", None)
        part["anyOf"] = [_inside(option, definitions) for option in options]
    return part


def _open(value: Schema, definitions: Schema) -> Schema:
    """A value, or a reference to it."""
    part = _inside(value, definitions)
    if _takes_any_text(value, definitions):
        return part
    simple = not {"$ref", "enum", "const", "format", "anyOf"} & part.keys()
    if simple and part.get("type") in _PLAIN:
        # Visual Studio Code's word, which its servers for YAML and JSON know and others pass over.
        told = {"patternErrorMessage": f"Expected {_PLAIN[part['type']]}, or a reference: ${{…}}."}
        return {**part, "type": [part["type"], "string"], "pattern": _REFERENCE, **told}
    if simple and part.get("type") == "string":
        return {**part, "pattern": f"{part['pattern']}|{_REFERENCE}"}
    words = {word: part[word] for word in _WORDS if word in part}
    rest = {word: value for word, value in part.items() if word not in words}
    options = rest["anyOf"] if {*rest} == {"anyOf"} else [rest]
    return {**words, "anyOf": [*options, {"$ref": f"#/$defs/{_TOLD_ELSEWHERE}"}]}


def _takes_any_text(part: Schema, definitions: Schema) -> bool:
    if "$ref" in part:
        return _takes_any_text(definitions[part["$ref"].rsplit("/", 1)[1]], definitions)
    options = part.get("anyOf", part.get("oneOf"))
    if options is not None:
        return any(_takes_any_text(option, definitions) for option in options)
    kinds = part.get("type", "string")
    textual = "string" in (kinds if isinstance(kinds, list) else [kinds])
    return textual and not {"pattern", "format", "enum", "const"} & part.keys()
