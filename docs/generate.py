"""Writes what is made from code: the JSON Schema, and the language reference.

Run ``make docs``; a test holds both files in step with ``specs/``.
"""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any, NamedTuple

from specs.algorithms import TRAITS
from specs.base import Block
from specs.metrics import METRICS
from specs.scaling import FOR_EACH
from specs.schema import editor_schema, json_schema
from specs.stack import KINDS

FOLDER = Path(__file__).parent
SCHEMA = FOLDER / "stackc.schema.json"
REFERENCE = FOLDER / "language.md"
LISTED = 10
"""No more values than this are listed as a key's type: metrics have a table of their own."""
COMMON = (*Block.model_fields, FOR_EACH)

INTRO = """\
# The language

Made from `specs/` by `make docs`; the same models check every spec.

A spec is a YAML file, or several. It begins with `stackc: 1` and a `name`, and holds blocks by kind
and name. Block names are lower-case letters, digits and underscores, because sources and datasets
are tables in SQL. Every key is known: an unknown one is an error. Nothing is converted in silence:
`"7"` is a text and `no` is not false. Every block may also have a `description`, an `owner` and
`tags`; they are for its readers and change nothing that runs.

| kind | what it is |
|---|---|
"""


COMPOSING = """\
## Composing and referring

| written | means |
|---|---|
| `defaults: [{size: small}]` | merge `size/small.yaml` first, the spec over it |
| `${models.late.seed}` | the value at that path of the composed spec |
| `${env:NAME}`, `${env:NAME,fallback}` | an environment variable, read when the spec is compiled |
| `${secret:NAME}` | a secret, resolved by the task that needs it and by nobody before |

Config groups are folders of YAML files: under `conf/` beside the spec, under those of
`--config-dir`, and those that come with stackc (`backends/…`). A group's file is merged under the
key of its group, or at the top of the spec if its first line is `# @package _global_`.

There are no other resolvers, but for `each` and `input` [below](#language-that-scales). A secret
may stand in a source's `connection` and in a notification's `url` and `headers`; it is looked up in
the environment (`NAME`, then `STACKC_SECRET_NAME`), in the file `.stackc-secrets/NAME`, and in the
keyring.

On the command line `a.b=1` changes a value, `+a.b=1` adds one, `~a.b` removes one, and
`group=option` chooses another option of a config group, in Hydra's grammar. `stackc explain SPEC
a.b` lists every place that set a value."""


SCALING = """\
## Language that scales

| written | means |
|---|---|
| `include: [sources.yaml, models/*.yaml]` | the blocks of these files, too |
| `environments: {prod: {…}}` and `--env prod` | this partial spec, merged over the rest |
| `for_each: [ewr, jfk]` in a block | the block once for each key, as `name_ewr` and `name_jfk` |
| `${each.key}`, `${each.value}` | its key, and what the key stands for |
| `modules: {scoring: {use: scoring.yaml, with: {…}}}` | the blocks of a file, as `scoring_name` |
| `${input.threshold}` | inside of a module: what `with` gives it |

All of it is written out before the spec is checked, and whatever is wrong is told where it was
written, once. [Language that scales](scaling.md) says how, with an example."""


class Field(NamedTuple):
    """One row of a reference table."""

    name: str
    type: str
    default: str
    meaning: str


def schema_text() -> str:
    """The JSON Schema as ``stackc schema`` prints it."""
    return json.dumps(editor_schema(), indent=2, ensure_ascii=True) + "\n"


def reference_text() -> str:
    """The language reference as Markdown."""
    schema = json_schema()
    definitions = schema["$defs"]
    kinds = {kind: _referred(schema["properties"][kind]) for kind in KINDS}
    rows = [f"| [`{kind}`](#{kind}) | {_first_line(definitions[kinds[kind]])} |" for kind in KINDS]
    parts = [INTRO + "\n".join(rows), COMPOSING, SCALING, _stack(schema)]
    told: set[str] = set()
    for kind in KINDS:
        parts.append(_definition(f"## {kind}", kinds[kind], definitions))
        told.add(kinds[kind])
        for name in _inner(kinds[kind], definitions):
            if name not in told and name not in _algorithms(definitions):
                told.add(name)
                parts.append(_definition(f"### {name}", name, definitions))
        if kind == "models":
            parts += [_algorithm_part(definitions), _metric_part()]
    return "\n\n".join(parts) + "\n"


def _stack(schema: dict[str, Any]) -> str:
    plain = {n: p for n, p in schema["properties"].items() if n not in KINDS}
    required = schema.get("required", [])
    return "\n".join(
        ["## The spec", "", *_table(_fields({"properties": plain, "required": required}))]
    )


def _definition(head: str, name: str, definitions: dict[str, Any]) -> str:
    body = definitions[name]
    text = inspect.cleandoc(body.get("description", ""))
    return "\n".join([head, "", _paragraphs(text), "", *_table(_fields(body))])


def _paragraphs(text: str) -> str:
    return text.replace("``", "`")


def _fields(body: dict[str, Any]) -> list[Field]:
    """The rows of one model; what every block takes is told once, with the spec."""
    required = set(body.get("required", ()))
    shared = "stackc" not in body["properties"] and set(Block.model_fields) <= set(
        body["properties"]
    )
    return [
        Field(name, _type(part), _default(part, name in required), _meaning(part))
        for name, part in body["properties"].items()
        if not (shared and name in COMMON)
    ]


def _table(fields: list[Field]) -> list[str]:
    lines = ["| key | type | default | meaning |", "|---|---|---|---|"]
    return lines + [f"| `{f.name}` | {f.type} | {f.default} | {f.meaning} |" for f in fields]


def _default(part: dict[str, Any], required: bool) -> str:
    if required:
        return "required"
    value = part.get("default")
    return (
        "" if value in (None, [], {}, ()) or isinstance(value, dict) else f"`{json.dumps(value)}`"
    )


def _meaning(part: dict[str, Any]) -> str:
    words = [_paragraphs(part.get("description", "")).replace("\n", " ")]
    examples = part.get("examples")
    if examples:
        words.append(f"E.g. `{_flow(examples[0])}`.")
    return _escaped(" ".join(word for word in words if word))


def _flow(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _type(part: dict[str, Any]) -> str:
    return _escaped(_plain_type(part))


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def _plain_type(part: dict[str, Any]) -> str:
    if "$ref" in part:
        name = part["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    if "const" in part:
        return f"`{json.dumps(part['const'])}`"
    if "enum" in part and len(part["enum"]) > LISTED:
        return "text"
    if "enum" in part:
        return ", ".join(f"`{value}`" for value in part["enum"])
    if "oneOf" in part:
        return "[algorithm](#algorithms)"
    if "anyOf" in part and "type" not in part:
        options = [_plain_type(p) for p in part["anyOf"] if p.get("type") != "null"]
        return " or ".join(dict.fromkeys(options))
    return _container(part)


def _container(part: dict[str, Any]) -> str:
    kind = part.get("type", "value")
    if kind == "array":
        items = part.get("items") or {"type": "value"}
        return f"list of {_plain_type(items)}" if "prefixItems" not in part else "pair"
    if kind == "object" and isinstance(part.get("additionalProperties"), dict):
        return f"name: {_plain_type(part['additionalProperties'])}"
    words = {"string": "text", "integer": "whole number", "boolean": "true or false"}
    return words.get(str(kind), str(kind)) + _bounds(part)


def _bounds(part: dict[str, Any]) -> str:
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    found = [f"{sign} {_number(part[key])}" for key, sign in signs.items() if key in part]
    return f" ({', '.join(found)})" if found else ""


def _number(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else f"{value:g}"


def _referred(part: Any) -> str:
    """The first definition a part of the schema refers to."""
    return next(iter(_references(part)))


def _references(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"].rsplit("/", 1)[1]] if "$ref" in part else []
        return own + [name for key, value in part.items() if key != "discriminator"
                      for name in _references(value)]  # fmt: skip
    if isinstance(part, list):
        return [name for value in part for name in _references(value)]
    return []


def _inner(name: str, definitions: dict[str, Any]) -> list[str]:
    """Every definition below one, in the order it is met."""
    found: list[str] = []
    waiting = [name]
    while waiting:
        for inner in _references(definitions[waiting.pop(0)]["properties"]):
            if inner not in found and inner != name:
                found.append(inner)
                waiting.append(inner)
    return found


def _algorithms(definitions: dict[str, Any]) -> dict[str, str]:
    """Definitions that are algorithms, with the kind each one is."""
    kinds = {
        name: body["properties"]["kind"]["const"]
        for name, body in definitions.items()
        if "const" in body.get("properties", {}).get("kind", {})
    }
    known = {name: kind for name, kind in kinds.items() if kind in TRAITS}
    return dict(sorted(known.items(), key=lambda item: list(TRAITS).index(item[1])))


def _algorithm_part(definitions: dict[str, Any]) -> str:
    lines = ["### Algorithms", "", "`algorithm: {kind: …}` with the keys of that kind.", ""]
    lines += ["| kind | takes missing values | stops early | extra |", "|---|---|---|---|"]
    for kind, traits in TRAITS.items():
        missing, early = _yes(traits.missing), _yes(traits.early_stopping)
        lines.append(f"| [`{kind}`](#{kind}) | {missing} | {early} | `{traits.extra}` |")
    parts = ["\n".join(lines)]
    for name, kind in _algorithms(definitions).items():
        body = dict(definitions[name])
        body["properties"] = {k: v for k, v in body["properties"].items() if k != "kind"}
        parts.append(_definition(f"#### {kind}", name, {name: body}))
    return "\n\n".join(parts)


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _metric_part() -> str:
    lines = ["### Metrics", "", "For `evaluation.metrics` and `gates`.", *_metrics(False)]
    lines += ["", "For `evaluation.fairness.metrics`, and for `gates` where it asks for them."]
    return "\n".join([*lines, *_metrics(True)])


def _metrics(between_groups: bool) -> list[str]:
    lines = ["", "| metric | tasks | better | meaning |", "|---|---|---|---|"]
    for name, metric in METRICS.items():
        if metric.between_groups == between_groups:
            tasks = ", ".join(metric.tasks)
            lines.append(f"| `{name}` | {tasks} | {metric.better} | {metric.description} |")
    return lines


def _first_line(body: dict[str, Any]) -> str:
    return str(body.get("description", "")).split("\n")[0].replace("``", "`")


def main() -> None:
    """Write both files."""
    SCHEMA.write_text(schema_text(), "utf-8")
    REFERENCE.write_text(reference_text(), "utf-8")


if __name__ == "__main__":
    main()
