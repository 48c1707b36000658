"""How features are fitted: which expressions fit which preparation, and what it learns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from msgspec import Struct

from compiler.codes import Code
from compiler.diagnostics import Diagnostic, StackcError, fail
from compiler.features.expression import Typed, typecheck
from compiler.graph.operations import FeatureSpec
from compiler.graph.types import Column

Category: TypeAlias = str | int | bool
NULL_SUFFIX = ".null"
"""What is added to a column's name for the input that says where it is null."""
RARE, NULL = "rare", "null"
"""What the columns of rare and unknown values, and of nulls, are called."""


class FeatureStatistics(Struct, frozen=True):
    """What the training rows say of one feature; None where nothing was there to say.

    Numbers are over the finite values, quartiles with linear interpolation,
    ``std`` of the population. Missing is null or NaN. ``categories`` are those
    frequent enough, the most frequent first and equals by value; ``counts``
    are theirs.
    """

    name: str
    rows: int = 0
    missing: int = 0
    mean: float | None = None
    std: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    quartiles: tuple[float, float, float] | None = None
    most_frequent: Category | float | None = None
    categories: tuple[Category, ...] = ()
    counts: tuple[int, ...] = ()


class Misfit(Struct, frozen=True):
    """A preparation that its expression's type does not allow; ``field`` is FeatureSpec's."""

    field: str
    message: str
    help: str


def misfits(spec: FeatureSpec, typed: Typed) -> tuple[Misfit, ...]:
    """Everything about a feature's preparation that does not fit the expression's type."""
    found = [_unencoded(typed)] if spec.encode == "none" else [_encoded(spec, typed)]
    found.append(_imputed(spec, typed))
    return tuple(misfit for misfit in found if misfit is not None)


def _unencoded(typed: Typed) -> Misfit | None:
    kind = typed.type
    if kind.is_numeric or kind == "bool":
        return None
    if kind == "string":
        return Misfit("encode", "a string must be encoded", "use `encode: one_hot` or `ordinal`")
    return Misfit("expression", f"a {kind} is no feature", "take a part, such as year(x), epoch(x)")


def _encoded(spec: FeatureSpec, typed: Typed) -> Misfit | None:
    kind = typed.type
    if not (kind.is_integer or kind in ("string", "bool")):
        message = f"a {kind} has no categories to encode"
        return Misfit("encode", message, "leave out `encode`, or cast it to an integer")
    if spec.scale != "none":
        return Misfit("scale", "an encoded feature is not scaled", "leave out `scale`")
    return None


def _imputed(spec: FeatureSpec, typed: Typed) -> Misfit | None:
    text = typed.type == "string"
    if spec.impute in ("mean", "median") and (text or spec.encode != "none"):
        message = f"the {spec.impute} is of numbers that are not encoded"
        return Misfit("impute", message, "use `impute: most_frequent`, or leave it out")
    if spec.impute != "constant":
        return None
    numeric = isinstance(spec.fill, int | float)
    whole = spec.encode == "none" or isinstance(spec.fill, int)
    if isinstance(spec.fill, str) if text else numeric and whole:
        return None
    return Misfit("fill", f"`{spec.fill}` cannot stand for a missing {typed.type}", "give one")


def typed_features(features: Sequence[FeatureSpec], request: Iterable[Column]) -> tuple[Typed, ...]:
    """The features' expressions typed; raises StackcError where one does not compile."""
    columns = {column.name: column for column in request}
    found: list[Typed] = []
    diagnostics: list[Diagnostic] = []
    for spec in features:
        typed, problems = typecheck(spec.expression, columns)
        for problem in problems:
            message = f"feature `{spec.name}`: {problem.message}"
            diagnostics.append(Diagnostic(problem.code, message, help=problem.help))
        if typed is not None:
            found.append(typed)
    if diagnostics:
        raise StackcError(*diagnostics)
    return tuple(found)


ANSWERS = frozenset(("prediction", "probability", "probabilities"))
"""What a packaged model calls its outputs."""


def refuse_clashes(request: Sequence[Column]) -> None:
    """Raise StackcError (E314) for a raw column whose name the model needs for something else."""
    masks = {column.name + NULL_SUFFIX: column.name for column in request if column.nullable}
    for column in request:
        if column.name in masks:
            reason = f"says where `{masks[column.name]}` is null"
        elif column.name in ANSWERS:
            reason = "holds its answer"
        else:
            continue
        message = f"the model cannot read a column `{column.name}`: that name {reason}"
        raise fail(Code.REQUEST_COLUMNS, message, help="rename it in the dataset's SQL")


def refuse_misfits(features: Sequence[FeatureSpec], request: Iterable[Column]) -> None:
    """Raise StackcError (E304) for every preparation that its expression's type does not allow."""
    diagnostics = [
        Diagnostic(
            Code.EXPRESSION_TYPE, f"feature `{spec.name}`: {misfit.message}", help=(misfit.help,)
        )
        for spec, typed in zip(features, typed_features(features, request), strict=True)
        for misfit in misfits(spec, typed)
    ]
    if diagnostics:
        raise StackcError(*diagnostics)


def category_label(category: Category) -> str:
    """How a category is named in a column of the matrix."""
    return str(category).lower() if isinstance(category, bool) else str(category)
