"""A first spec as text: every part with a word on what it is for."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from compiler.codes import Code
from compiler.diagnostics import StackcError, did_you_mean, fail
from compiler.firstspec.choose import MIN_SPLIT, MOST_RULES, Choice, bounds, choose, members
from compiler.firstspec.look import spread, survey
from compiler.load.render import rendered
from compiler.pipeline import compile_spec
from compiler.source import drafted

EMPTY = """\
# The stack `{name}`. What each key means: stackc schema; what is applied: stackc status.
stackc: 1
name: {name}

sources:
  {source}:
    path: {path}  # csv, parquet, jsonl or arrow; its columns are inferred and kept in stackc.lock

# validation:
#   {source}:
#     - row_count: {{min: 1}}
#
# datasets:
#   examples:
#     sql: select * from {source}
#     split: {{train: 0.6, validation: 0.2, test: 0.2}}
"""


def first_spec(spec: Path, data: Path | None, target: str | None = None) -> str:
    """The text of a first spec, over some data if there is any.

    Raises:
        StackcError: Whatever keeps the data from being read; E132 where there is
            nothing in it.
    """
    root = spec.resolve().parent
    path = "data.csv" if data is None else os.path.relpath(data.resolve(), root)
    name, source = word(root.name, "stack"), word(Path(path).stem, "data")
    if data is None:
        return EMPTY.format(name=name, source=source, path=rendered(path))
    found = survey(root, path)
    names = [surveyed.column.name for surveyed in found]
    if target is not None and target not in names:
        raise fail(
            Code.NO_FIRST_SPEC,
            f"`{path}` has no column `{target}`",
            help=tuple(map(str, did_you_mean(target, names))),
        )
    choice = choose(found, target, lambda *asked: spread(root, path, *asked))
    whole = "\n".join(_lines(name, source, path, choice)) + "\n"
    return (
        whole
        if _compiles(spec, whole)
        else EMPTY.format(name=name, source=source, path=rendered(path))
    )


def word(text: str, otherwise: str) -> str:
    """A word of the language from any text."""
    made = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:40].strip("_")
    return made if made[:1].isalpha() and made.isascii() else otherwise


def _compiles(spec: Path, text: str) -> bool:
    try:
        with drafted({spec: text}):
            compile_spec(spec, keep=False)
    except StackcError:
        return False
    return True


def _lines(name: str, source: str, path: str, choice: Choice) -> Iterator[str]:
    yield EMPTY.split("\n", 1)[0].format(name=name)
    yield from ("stackc: 1", f"name: {name}", "")
    yield from _source(source, path, choice)
    yield from _validation(source, choice)
    yield from _model(source, choice)


def _source(source: str, path: str, choice: Choice) -> Iterator[str]:
    yield "# Where data comes from. Columns are a contract: data that breaks it is not read."
    yield from ("sources:", f"  {source}:", f"    path: {rendered(path)}", "    columns:")
    for c in choice.columns:
        key, type_ = rendered(c.column.name, flow=True), rendered(str(c.column.type), flow=True)
        contract = type_ if c.column.nullable else f"{{type: {type_}, nullable: false}}"
        yield f"      {key}: {contract}"
    for name in choice.nested:
        yield f"      # {_shown(name)} is left out: a spec cannot declare it"
    yield ""


def _validation(source: str, choice: Choice) -> Iterator[str]:
    yield "# What has to hold before anybody reads the data; all of it holds in the data as seen."
    yield from ("validation:", f"  {source}:")
    yield f"    - row_count: {{min: {max(1, choice.rows // 2)}}}"
    if choice.id is not None:
        key = rendered(choice.id.column.name, flow=True)
        if choice.id.column.nullable:
            yield f"    - not_null: [{key}]"
        yield f"    - unique: [{key}]"
    sets = {c.column.name: found for c in choice.columns if (found := members(c)) is not None}
    for name in [*sets][:MOST_RULES]:
        yield f"    - in_set: {rendered({name: sets[name]})}"
    ends = {
        c.column.name: found
        for c in choice.columns
        if c is not choice.id and (found := bounds(c)) is not None
    }
    for name in [*ends][:MOST_RULES]:
        yield f"    - between: {rendered({name: ends[name]})}"
    yield ""


def _model(source: str, choice: Choice) -> Iterator[str]:
    if choice.target is None or choice.task is None:
        why = _shown(choice.why_not)
        yield f"# A dataset is what models learn from. There is no model yet: {why}."
        yield from ("datasets:", "  examples:" if source != "examples" else "  rows:")
        yield f"    from: {source}"
        if choice.rows >= MIN_SPLIT:
            yield "    split: {train: 0.6, validation: 0.2, test: 0.2}"
        return
    target = choice.target.column.name
    dataset = "examples" if source != "examples" else "labelled"
    yield from _dataset(source, dataset, choice)
    model = word(target, "model")
    yield "# What is learned. Left out of it, with the reason, is what helps no model by itself."
    yield from ("models:", f"  {model}:", f"    dataset: {dataset}")
    yield from (f"    target: {rendered(target)}", f"    task: {choice.task}", "    features:")
    for c in choice.features:
        yield f"      - {rendered(c.column.name, flow=True)}"
    for left in choice.left:
        yield f"      # {_shown(left.name)}: {_shown(left.why)}"
    yield "    algorithm: {kind: hist_gradient_boosting}"
    metric = {
        "binary": "roc_auc >= 0.7",
        "multiclass": "accuracy >= 0.7",
        "regression": "r2 >= 0.3",
    }
    yield "    # What it must reach before anything downstream happens:"
    yield f"    # gates: [{metric[choice.task]}]"
    yield ""
    yield "# The model behind HTTP."
    yield from ("deployments:", f"  {model[:58]}_api:", f"    model: {model}")


def _dataset(source: str, dataset: str, choice: Choice) -> Iterator[str]:
    assert choice.target is not None
    target = choice.target.column.name
    yield "# The rows that models learn from, in parts: what is judged on is never learned from."
    yield from ("datasets:", f"  {dataset}:")
    if choice.target.nulls:
        yield f"    sql: {rendered(f'select * from {source} where {_sql(target)} is not null')}"
    else:
        yield f"    from: {source}"
    if choice.time is not None:
        time, cut = choice.time
        moment = f"{time.column.type} '{cut}'"
        x = _sql(time.column.name)
        yield "    # By time: the model is judged on what came later, as it will be in use."
        yield "    split:"
        yield f"      train: {rendered(f'{x} < {moment}')}"
        yield f"      test: {rendered(f'{x} >= {moment}')}"
    else:
        same = "" if choice.task == "regression" else f", stratify: {rendered(target, flow=True)}"
        yield f"    split: {{train: 0.6, validation: 0.2, test: 0.2, seed: 7{same}}}"
    yield ""


def _sql(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _shown(text: str) -> str:
    """A text inside of a comment: on one line."""
    return "".join(c if c.isprintable() else " " for c in text)[:120]
