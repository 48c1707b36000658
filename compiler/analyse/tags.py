"""Tags: they flow along column lineage, until a treatment that a policy takes ends them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from compiler.analyse.scope import Scope
from compiler.graph.lineage import Derivation, Flow, Lineage, Origin, Treatment
from compiler.graph.types import Column, TableType
from specs.policies import Aggregate, Policy


def flowed(
    scope: Scope, columns: Iterable[Column], lineage: Lineage, tables: Mapping[str, TableType]
) -> tuple[Column, ...]:
    """The columns with the tags of what they come from."""
    tagged = {
        (name, column.name): column.tags
        for name, table in tables.items()
        for column in table.columns
        if column.tags
    }
    if not tagged:
        return tuple(columns)
    policies = scope.stack.policies
    return tuple(
        replace(column, tags=_tags(derived, tagged, policies))
        for column, derived in zip(columns, lineage.columns, strict=True)
    )


def answered(
    answers: Iterable[Column], columns: Iterable[str], keep: Iterable[str] = ()
) -> Lineage:
    """What comes of a model over a ``table``: columns that are kept, and its answers."""
    by_model = (Treatment("model"),)
    origins = tuple(
        Origin("table", name, Flow.TRANSFORMATION, treatments=by_model) for name in columns
    )
    kept = tuple(Derivation(name, (Origin("table", name),)) for name in keep)
    return Lineage((*kept, *(Derivation(answer.name, origins) for answer in answers)))


def _tags(
    derived: Derivation,
    tagged: Mapping[tuple[str, str], tuple[str, ...]],
    policies: Mapping[str, Policy],
) -> tuple[str, ...]:
    found = {
        tag
        for origin in derived.origins
        if origin.flow.carries
        for tag in tagged.get((origin.input, origin.column), ())
        if not ended(tag, origin.treatments, policies)
    }
    return tuple(sorted(found))


def ended(tag: str, treatments: Iterable[Treatment], policies: Mapping[str, Policy]) -> bool:
    """Whether a treatment ends a tag: all policies for it say so, and there is one."""
    held = [policy for name, policy in policies.items() if covers(name, tag)]
    treated = tuple(treatments)
    return bool(held) and all(any(_ends(policy, t) for t in treated) for policy in held)


def covers(name: str, tag: str) -> bool:
    """Whether a policy's tag stands for another: ``pii`` for ``pii.email``."""
    return tag == name or tag.startswith(f"{name}.")


def _ends(policy: Policy, treatment: Treatment) -> bool:
    for way in policy.until:
        if isinstance(way, Aggregate):
            if treatment.kind == "aggregate" and treatment.size >= way.aggregate:
                return True
        elif way == treatment.kind:
            return True
    return False
