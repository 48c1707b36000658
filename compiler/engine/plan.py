"""The plan: what would change and why, as plain data that apply carries out and nothing else."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

from msgspec import Struct, to_builtins

from compiler.backend import Json
from compiler.codes import Code
from compiler.diagnostics import fail
from compiler.engine import durable
from compiler.engine.reasons import Reason
from compiler.graph.unknowns import Unknown

FORMAT = 2
"""Version of the saved plan."""

CATEGORIES = (
    "retrain", "re-evaluate", "redeploy", "re-monitor", "score", "register", "ingest",
    "query", "split", "validate", "publish", "profile", "notify",
)  # fmt: skip
"""What a change means for a block, the weightiest first."""


class Action(StrEnum):
    """What apply does with a node.

    Steps are kept, run, or reused from an earlier result of the same key;
    resources are kept, created, updated, replaced or deleted; a step that is
    no longer wanted is deleted too, which only forgets it. A resource that keeps
    revisions is rolled back to its former one by a command of its own.
    """

    KEEP = "keep"
    RUN = "run"
    REUSE = "reuse"
    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    ROLLBACK = "rollback"
    DELETE = "delete"


class Change(Struct, frozen=True):
    """One node: what is done with it, what that means, and why.

    ``key`` is the key it will have (had, when deleted); ``observed`` what was
    found outside when the plan was made. ``unknown`` is what only the run can
    tell of it.
    """

    address: str
    kind: str
    operation: str
    action: Action
    category: str
    key: str
    input_keys: Mapping[str, str]
    observed: str | None
    reasons: tuple[Reason, ...]
    unknown: tuple[Unknown, ...] = ()

    @property
    def block(self) -> str:
        """The block's address."""
        return self.address.split("/", 1)[0]


class Plan(Struct, frozen=True, dict=True):
    """Every node of the graph in topological order, then what is deleted, in order.

    Bound to one lineage and serial of the state, one graph and one choice of backends.
    """

    lineage: str
    serial: int
    stack: str
    graph: str
    backends: str
    changes: tuple[Change, ...]

    @cached_property
    def work(self) -> tuple[Change, ...]:
        """The changes that are more than keeping."""
        return tuple(change for change in self.changes if change.action is not Action.KEEP)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.work

    @property
    def counts(self) -> dict[str, int]:
        """How many nodes each action meets, those with none left out."""
        found = Counter(change.action for change in self.changes)
        return {action.value: found[action] for action in Action if found[action]}

    @cached_property
    def categories(self) -> dict[str, str]:
        """For each block with work, the weightiest category; ``delete`` for one that goes."""
        blocks: dict[str, list[Change]] = {}
        for change in self.changes:
            blocks.setdefault(change.block, []).append(change)
        found: dict[str, str] = {}
        for block, changes in blocks.items():
            work = [change for change in changes if change.action is not Action.KEEP]
            if all(change.action is Action.DELETE for change in changes):
                found[block] = "delete"
            elif work:
                live = [change for change in work if change.action is not Action.DELETE]
                found[block] = min((c.category for c in live or work), key=_weight)
        return found

    def to_json(self) -> dict[str, Json]:
        """The plan as plain data; the same plan gives the same data."""
        return {
            "format": FORMAT,
            "lineage": self.lineage,
            "serial": self.serial,
            "stack": self.stack,
            "graph": self.graph,
            "backends": self.backends,
            "blocks": self.categories,
            "counts": self.counts,
            "changes": [to_builtins(change) for change in self.changes],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Plan:
        """The plan that ``to_json`` gave. Raises KeyError, TypeError or ValueError otherwise."""
        if data["format"] != FORMAT:
            raise ValueError(f"format {data['format']}")
        changes = tuple(
            Change(
                **{
                    **change,
                    "action": Action(change["action"]),
                    "reasons": tuple(Reason(**reason) for reason in change["reasons"]),
                    "unknown": tuple(Unknown(**unknown) for unknown in change["unknown"]),
                }
            )
            for change in data["changes"]
        )
        names = ("lineage", "serial", "stack", "graph", "backends")
        return cls(**{name: data[name] for name in names}, changes=changes)


def save_plan(plan: Plan, path: Path) -> None:
    """Write a plan to a file, for ``apply`` to hold against what it finds then.

    Raises:
        StackcError: E607 or E712 when it cannot be written.
    """
    durable.write(path, (json.dumps(plan.to_json(), indent=1, sort_keys=True) + "\n").encode())


def load_plan(path: Path) -> Plan:
    """Read a saved plan.

    Raises:
        StackcError: E605 when it is no plan, or one of another version.
    """
    try:
        return Plan.from_json(json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        why = error.strerror if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
        raise fail(
            Code.PLAN_UNREADABLE,
            f"`{path}` is no saved plan that this stackc can read ({why})",
            help="make one with `stackc plan SPEC --out FILE`",
        ) from error


def confirm_plan(saved: Plan, found: Plan) -> None:
    """Hold a saved plan against the one that would be made now.

    Raises:
        StackcError: E604 saying what has changed since.
    """
    for what, name in (
        ("it was made for another project's state", "lineage"),
        ("something was applied since", "serial"),
        ("the spec has changed since", "graph"),
        ("the choice of backends has changed since", "backends"),
    ):
        fresh = name == "lineage" and not saved.lineage and found.serial == 0
        if getattr(saved, name) != getattr(found, name) and not fresh:
            raise _stale(what)
    moved = sorted(_changed_addresses(saved.changes, found.changes))
    if moved:
        listed = ", ".join(f"`{address}`" for address in moved[:5])
        raise _stale(f"what it looked at has changed since: {listed}")


def _changed_addresses(saved: Iterable[Change], found: Iterable[Change]) -> set[str]:
    old = {change.address: (change.action, change.key) for change in saved}
    new = {change.address: (change.action, change.key) for change in found}
    return {address for address in old.keys() | new.keys() if old.get(address) != new.get(address)}


def _stale(what: str) -> Exception:
    return fail(
        Code.PLAN_STALE,
        f"the saved plan is stale: {what}",
        help="plan again, look at what it says, and apply that",
    )


def _weight(category: str) -> tuple[int, str]:
    known = category in CATEGORIES
    return (CATEGORIES.index(category) if known else len(CATEGORIES), category)
