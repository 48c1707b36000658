"""Features: typed, and the preprocessing that was left open decided by type and algorithm."""

from __future__ import annotations

from msgspec import Struct

from compiler.analyse.algebra.arms import check_arms
from compiler.analyse.scope import Scope
from compiler.codes import Code
from compiler.diagnostics import Once, Path, Place
from compiler.features.expression import Typed, typecheck
from compiler.graph.lineage import Derivation, Flow, Lineage, Origin
from compiler.graph.operations import FeatureSpec
from compiler.graph.types import Column, TableType
from specs.algorithms import TRAITS
from specs.models import Feature, Model


class Features(Struct, frozen=True):
    """Features in normal form, the raw columns they read, and which reads which."""

    specs: tuple[FeatureSpec, ...]
    request: tuple[Column, ...]
    lineage: Lineage


def analyse_features(scope: Scope, model: Model, table: TableType, path: Path) -> Features | None:
    """The features of a model; None and findings if one is wrong."""
    columns = {column.name: column for column in table.columns}
    made: list[FeatureSpec] = []
    derived: list[Derivation] = []
    seen: set[str] = set()
    for index, feature in enumerate(model.features):
        place = (*path, "features", index)
        if feature.name in seen:
            message = f"two features are called `{feature.name}`"
            scope.findings.report(
                Code.DUPLICATE_NAME, message, place, help=Once("rename one of them")
            )
            continue
        seen.add(feature.name)
        typed = _typed(scope, feature, columns, place)
        if typed is None or _leaks(scope, model, feature, typed, place):
            continue
        spec = _decided(scope, feature, typed, model.algorithm.kind, place)
        if spec is not None:
            made.append(spec)
            derived.append(_derived(scope, feature, typed, place))
    if len(made) < len(model.features):
        return None
    used = {origin.column for derivation in derived for origin in derivation.origins}
    request = tuple(column for column in table.columns if column.name in used)
    return Features(tuple(made), request, Lineage(tuple(derived)))


def _derived(scope: Scope, feature: Feature, typed: Typed, place: Path) -> Derivation:
    """Which columns a feature reads, and where it says so."""
    flow = Flow.IDENTITY if feature.expression is None else Flow.TRANSFORMATION
    origins = tuple(Origin("train", column, flow) for column in sorted(typed.columns))
    return Derivation(feature.name, origins, Place(_expression_place(scope, feature, place)))


def _typed(scope: Scope, feature: Feature, columns: dict[str, Column], place: Path) -> Typed | None:
    text = feature.expression or _quoted(feature.name)
    typed, problems = typecheck(text, columns)
    inside = _expression_place(scope, feature, place)
    if feature.expression is None and problems:
        # The name itself is the expression: there is no text to point into.
        first = problems[0]
        scope.findings.report(first.code, first.message, inside, help=tuple(first.help))
        return None
    if scope.problems(problems, inside) or typed is None:
        return None
    if "case" in text.lower():
        named = {name.lower(): column for name, column in columns.items()}
        check_arms(typed.root, named, inside, scope.findings)
    if typed.type.is_temporal:
        scope.findings.report(
            Code.EXPRESSION_TYPE,
            f"`{feature.name}` is a {typed.type}, which is no feature by itself",
            inside,
            help="take a part of it: `month(x)`, `dayofweek(x)`, `hour(x)`, `epoch(x)`",
        )
        return None
    return typed


def _expression_place(scope: Scope, feature: Feature, place: Path) -> Path:
    """Where the expression's text stands, in each of the forms a feature may have."""
    written = scope.config
    for part in place:
        written = written[part]  # type: ignore[index]
    if isinstance(written, str) or feature.expression is None:
        return place
    if feature.name not in written:
        return (*place, "expression")
    inner = written[feature.name]
    return (
        (*place, feature.name) if isinstance(inner, str) else (*place, feature.name, "expression")
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _leaks(scope: Scope, model: Model, feature: Feature, typed: Typed, place: Path) -> bool:
    if model.target not in typed.columns:
        return False
    scope.findings.report(
        Code.TARGET_LEAK,
        f"feature `{feature.name}` reads the target `{model.target}`",
        _expression_place(scope, feature, place),
        help="a model may not see what it has to predict: remove the feature",
    )
    return True


def _decided(
    scope: Scope, feature: Feature, typed: Typed, algorithm: str, place: Path
) -> FeatureSpec | None:
    """What was left out, decided; what was said, held against the type."""
    textual = typed.type == "string"
    traits = TRAITS[algorithm]
    usual_code = "ordinal" if traits.embeds else "one_hot"
    encode = feature.encode or (usual_code if textual else "none")
    encoded = encode != "none"
    wrong = _misfit(feature, typed, textual, encoded)
    if wrong is not None:
        scope.findings.report(Code.EXPRESSION_TYPE, wrong, place)
        return None
    may_miss = typed.nullable or typed.type.is_float
    needs_value = not encoded and may_miss and not traits.missing
    usual = "most_frequent" if typed.type == "bool" else "median"
    impute = feature.impute or (usual if needs_value else "none")
    if impute == "none" and needs_value:
        scope.findings.report(
            Code.ALGORITHM_TASK,
            f"`{algorithm}` cannot take missing values, and `{feature.name}` may be null or NaN",
            place,
            help="leave `impute` out, or write `impute: median`",
        )
        return None
    numeric = typed.type.is_numeric and not encoded
    scale = feature.scale or ("standard" if traits.scaling and numeric else "none")
    return FeatureSpec(
        feature.name,
        typed.canonical,
        impute,
        feature.fill,
        scale,
        encode,
        feature.min_frequency,
        feature.max_categories,
    )


def _misfit(feature: Feature, typed: Typed, textual: bool, encoded: bool) -> str | None:
    name, data_type = feature.name, typed.type
    if textual and not encoded:
        return f"`{name}` is text and must be encoded: `one_hot` or `ordinal`"
    if encoded and not (textual or data_type.is_integer or data_type == "bool"):
        return f"`{name}` is {data_type}: only text, integers and booleans can be encoded"
    if (textual or encoded) and feature.scale not in (None, "none"):
        return f"`{name}` is encoded, so it cannot be scaled"
    if encoded and feature.impute in ("mean", "median"):
        return f"`{name}` has no {feature.impute}: it is encoded"
    if data_type == "bool" and feature.impute in ("mean", "median"):
        return f"`{name}` is bool: impute it by `most_frequent` or `constant`"
    if feature.fill is not None and isinstance(feature.fill, str) != textual:
        return f"`fill: {feature.fill}` does not fit `{name}`, which is {data_type}"
    return None
