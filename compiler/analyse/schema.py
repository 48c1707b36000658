"""Plain data to a typed spec: pydantic's findings become located diagnostics."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError

from compiler.codes import Code
from compiler.diagnostics import Findings, Instead, Path, did_you_mean
from specs.base import NAME, Spec
from specs.scaling import FOR_EACH, TOP_KEYS
from specs.stack import LANGUAGE, Stack

_KINDS = {
    "extra_forbidden": Code.UNKNOWN_KEY,
    "missing": Code.MISSING_KEY,
    "union_tag_invalid": Code.UNKNOWN_KIND,
    "union_tag_not_found": Code.MISSING_KEY,
    "literal_error": Code.UNKNOWN_KIND,
    "enum": Code.UNKNOWN_KIND,
    "string_pattern_mismatch": Code.BAD_VALUE,
    "value_error": Code.BAD_VALUE,
}
_RANK = (
    Code.BAD_NAME, Code.UNKNOWN_KEY, Code.MISSING_KEY, Code.UNKNOWN_KIND, Code.BAD_VALUE,
    Code.WRONG_TYPE,
)  # fmt: skip
"""Which of several findings at one place says most."""
_ARTICLES = {
    "string": "a text", "int": "a whole number", "float": "a number", "bool": "true or false",
    "tuple": "a list", "list": "a list", "dict": "a mapping", "model": "a mapping",
    "model_attributes": "a mapping",
}  # fmt: skip
_SECRET_PLACES = {
    ("sources", "connection"), ("deployments", "auth"), ("notifications", "url"),
    ("notifications", "headers"), ("datasets", "clean"),
}  # fmt: skip


def validate(config: dict[str, Any], findings: Findings) -> Stack | None:
    """The typed spec, or None with everything that is wrong in ``findings``."""
    version = config.get("stackc")
    if isinstance(version, int) and not isinstance(version, bool) and version != LANGUAGE:
        findings.report(
            Code.LANGUAGE_VERSION,
            f"this stackc speaks version {LANGUAGE} of the language, not {version}",
            ("stackc",),
            help=f"write `stackc: {LANGUAGE}`, or install a stackc that speaks {version}",
        )
        return None
    _refuse_misplaced_secrets(config, (), findings)
    try:
        return Stack.model_validate(config)
    except ValidationError as error:
        _report(error, config, findings)
        return None


def _report(error: ValidationError, config: dict[str, Any], findings: Findings) -> None:
    found: dict[tuple[Path, str], tuple[Code, Any, bool]] = {}
    for detail in error.errors(include_url=False):
        path, key = _spec_path(detail["loc"], config)
        code = _code(detail, key)
        if code is Code.UNKNOWN_KIND and "tag" in detail.get("ctx", {}):
            path = (*path, "kind")
        place = (path, str(detail["loc"][-1]) if detail["type"] == "missing" else "")
        before = found.get(place)
        # Of several forms that a value may have, each says what it misses: one cause, one finding.
        if before is None or _RANK.index(code) < _RANK.index(before[0]):
            found[place] = code, detail, key
    unknown = [path for (path, _), (code, _, _) in found.items() if code is Code.UNKNOWN_KEY]
    for (path, missing), (code, detail, key) in found.items():
        if _is_told(path, missing, detail, [other for other, _ in found], unknown):
            continue
        message, ways = _message(code, detail, path, config)
        findings.report(code, message, path, key=key or code is Code.UNKNOWN_KEY, help=ways)


def _is_told(path: Path, missing: str, detail: Any, found: list[Path], unknown: list[Path]) -> bool:
    """Whether another finding tells the cause of this one."""
    if detail["type"] == "too_short":
        # A list without its wrong entries is too short; only they are what is wrong.
        return any(other[: len(path)] == path and other != path for other in found)
    beside = [str(other[-1]) for other in unknown if other[:-1] == path]
    return bool(missing and get_close_matches(missing, beside, n=1, cutoff=0.6))


def _code(detail: Any, key: bool) -> Code:
    kind = detail["type"]
    if key or detail.get("ctx", {}).get("pattern") == NAME:
        return Code.BAD_NAME
    if kind in _KINDS:
        return _KINDS[kind]
    return Code.WRONG_TYPE if kind.endswith("_type") else Code.BAD_VALUE


def _message(
    code: Code, detail: Any, path: Path, config: dict[str, Any]
) -> tuple[str, tuple[str, ...]]:
    """What is wrong, and the way out."""
    name = _called(path)
    if code is Code.UNKNOWN_KEY:
        known = _known_keys(path[:-1], config) | _meant(str(path[-1]))
        ways = did_you_mean(str(path[-1]), known)
        if any(isinstance(way, Instead) and way.right in _at(config, path[:-1]) for way in ways):
            ways = tuple(map(str, ways))  # the key that was meant is there, too
        # `{sql: select a, b}` is a mapping of two keys, and the second has no value.
        comma = ("a comma ends a value inside `{}`: quote the whole text",)
        return f"unknown key `{path[-1]}`", ways + (comma if detail["input"] is None else ())
    if code is Code.MISSING_KEY:
        missing = str(detail["loc"][-1]) if detail["type"] == "missing" else "kind"
        where = f"`{'.'.join(map(str, path))}`" if path else "the spec"
        return f"{where} lacks `{missing}`", _missing_help(missing)
    if code is Code.UNKNOWN_KIND:
        return _unknown_kind(detail)
    if code is Code.BAD_NAME:
        word = detail["input"] if detail["type"] == "string_pattern_mismatch" else path[-1]
        return f"`{word}` cannot be a name here", (
            "names are lower-case letters, digits and underscores, and start with a letter",
        )
    if code is Code.WRONG_TYPE:
        wanted = detail["type"].removesuffix("_type")
        article = _ARTICLES.get(wanted, detail["msg"].removeprefix("Input should be "))
        return f"{name} must be {article}, not {_described(detail['input'])}", ()
    return f"{name}: {_said(detail)}", ()


def _said(detail: Any) -> str:
    """What pydantic says of a value, in the words of the language."""
    context, kind = detail.get("ctx", {}), detail["type"]
    if kind in ("too_short", "too_long"):
        at, bound = ("least", "min_length") if kind == "too_short" else ("most", "max_length")
        count = context[bound]
        return f"it should have at {at} {count} {'entry' if count == 1 else 'entries'}"
    if kind == "string_pattern_mismatch":
        return f"`{str(detail['input'])[:40]}` does not fit the pattern `{context['pattern']}`"
    text = str(detail["msg"]).removeprefix("Value error, ")
    return text.replace("Input should", "it should").replace("String should", "it should")


def _called(path: Path) -> str:
    """How a message names the value at a path: by its key, or as an entry of its list."""
    if not path:
        return "the spec"
    if isinstance(path[-1], int):
        return f"entry {path[-1] + 1} of {_called(path[:-1])}"
    return f"`{path[-1]}`"


def _missing_help(missing: str) -> tuple[str, ...]:
    return ("add `stackc: 1` as the first line",) if missing == "stackc" else ()


def _unknown_kind(detail: Any) -> tuple[str, tuple[str, ...]]:
    context = detail.get("ctx", {})
    if "tag" in context:
        known = [word.strip("' ") for word in context["expected_tags"].split(",")]
        return f"unknown kind `{context['tag']}`", did_you_mean(context["tag"], known)
    expected = str(context.get("expected", "")).replace(" or ", ", ")
    known = [word.strip("' ") for word in expected.split(",") if word.strip("' ")]
    given = detail["input"]
    if isinstance(given, str):
        return f"`{given}` is none of the values allowed here", did_you_mean(given, known)
    shown = " or ".join(known)
    return f"expected {shown}, not {_described(given)}", ()


def _described(value: Any) -> str:
    if value is None:
        return "nothing (null)"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = str(value)
    return f"the text `{text[:40]}`" if isinstance(value, str) else f"the number {text[:40]}"


def _spec_path(loc: Iterable[int | str], config: Any) -> tuple[Path, bool]:
    """Pydantic's location as a path in the spec: union tags dropped, short forms walked.

    The second value tells whether the location is a mapping's key.
    """
    path: list[str | int] = []
    here = config
    parts = list(loc)
    for index, part in enumerate(parts):
        if part == "[key]":
            return tuple(path), True
        inner = _single(here)
        if _has(here, part):
            path.append(part)
            here = here[part]
        elif isinstance(inner, Mapping) and _has(inner, part):
            path.extend((next(iter(here)), part))
            here = inner[part]
        elif index == len(parts) - 1:
            break
    return tuple(path), False


def _has(value: Any, part: str | int) -> bool:
    if isinstance(value, Mapping):
        return part in value
    return isinstance(value, list) and isinstance(part, int) and part < len(value)


def _single(value: Any) -> Any:
    """The only value of a one-key mapping: ``{wind: {impute: mean}}``."""
    return next(iter(value.values())) if isinstance(value, Mapping) and len(value) == 1 else None


def _at(config: Any, path: Path) -> Any:
    for part in path:
        config = config[part]
    return config


def _known_keys(path: Path, config: Any) -> set[str]:
    """Keys that may stand at a path of the spec; of several kinds, those of the kind it has."""
    models: set[type[BaseModel]] = {Stack}
    for part in path:
        models = {found for model in models for found in _below(model, part)} or models
        config = config[part] if _has(config, part) else None
    kind = config.get("kind") if isinstance(config, Mapping) else None
    models = {model for model in models if _kind_of(model) in (None, kind)} or models
    return {field.alias or name for model in models for name, field in model.model_fields.items()}


def _meant(word: str) -> set[str]:
    """A key that is gone by now, where the word looks like it."""
    return set(difflib.get_close_matches(word, (*TOP_KEYS, FOR_EACH), n=1, cutoff=0.75))


def _kind_of(model: type[BaseModel]) -> Any:
    """The one value that a model's ``kind`` may have, or None."""
    field = model.model_fields.get("kind")
    values = typing.get_args(field.annotation) if field else ()
    return values[0] if len(values) == 1 else None


def _below(model: type[BaseModel], part: str | int) -> set[type[BaseModel]]:
    for name, field in model.model_fields.items():
        if part in (name, field.alias):
            return _models(field.annotation)
    return set()


def _models(annotation: Any) -> set[type[BaseModel]]:
    """Every model class inside an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, Spec):
        return {annotation}
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType, dict, tuple, typing.Annotated):
        return {m for arg in typing.get_args(annotation) for m in _models(arg)}
    return set()


def _refuse_misplaced_secrets(value: Any, path: Path, findings: Findings) -> None:
    """Secrets may stand only where they are resolved at the last moment."""
    if isinstance(value, str):
        place = (path[0], path[2]) if len(path) > 2 else None
        if "${secret:" in value and place not in _SECRET_PLACES:
            findings.report(
                Code.SECRET_NOT_ALLOWED,
                "a secret may not stand here: this value becomes part of the plan",
                path,
                help="secrets may stand in a source's `connection`, a deployment's `auth`, and "
                "a notification's `url` and `headers`",
            )
    elif isinstance(value, Mapping):
        for key, item in value.items():
            _refuse_misplaced_secrets(item, (*path, key), findings)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _refuse_misplaced_secrets(item, (*path, index), findings)
