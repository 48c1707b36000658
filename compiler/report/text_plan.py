"""A plan as text: what happens to each block, what that means, and why, down to the field."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from compiler.engine.plan import Action, Change, Plan
from compiler.engine.reasons import Reason
from compiler.report.text_style import Style, Tone, cells, plural, visible

_SIGNS: dict[Action, tuple[str, Tone | None]] = {
    Action.KEEP: (" ", "dim"),
    Action.RUN: ("~", "change"),
    Action.REUSE: ("=", "good"),
    Action.CREATE: ("+", "good"),
    Action.UPDATE: ("~", "change"),
    Action.REPLACE: ("±", "warning"),
    Action.ROLLBACK: ("<", "warning"),
    Action.DELETE: ("-", "error"),
}
_ORDER = (
    Action.CREATE, Action.RUN, Action.UPDATE, Action.REPLACE, Action.ROLLBACK, Action.REUSE,
    Action.DELETE,
    Action.KEEP,
)  # fmt: skip
_NEW = ("first",)
_MOST_UNKNOWN = 8
_SAME_FOR_ALL = ("first", "known", "removed")


def plan_lines(plan: Plan, style: Style) -> list[str]:
    """Every block with work, node by node with reasons, then the counts."""
    blocks: dict[str, list[Change]] = {}
    for change in plan.work:
        blocks.setdefault(change.block, []).append(change)
    width = max((cells(visible(block)) for block in blocks), default=0)
    lines: list[str] = []
    for block, changes in blocks.items():
        found = _block(block, changes, plan.categories.get(block, ""), width, style)
        if lines and lines[-1] and len(found) > 1:
            lines.append("")
        lines += [*found, ""] if len(found) > 1 else found
    if lines and lines[-1]:
        lines.append("")
    return [*lines, *_going_on(plan, style), *_unknown(plan, style), counts_line(plan, style)]


def _going_on(plan: Plan, style: Style) -> list[str]:
    """What is kept and not done yet: a rollout."""
    kept = [change for change in plan.changes if change.action is Action.KEEP]
    found = [(change.block, reason.text) for change in kept for reason in change.reasons]
    return [style.paint(f"{visible(block)}: {visible(text)}", "accent") for block, text in found]


def _unknown(plan: Plan, style: Style) -> list[str]:
    """What only the run can tell, each thing once with how often it is meant."""
    found = Counter(unknown.name for change in plan.work for unknown in change.unknown)
    if not found:
        return []
    words = [name if count == 1 else f"{name} ({count})" for name, count in found.items()]
    more = [f"and {len(words) - _MOST_UNKNOWN} more"] if len(words) > _MOST_UNKNOWN else []
    text = ", ".join(map(visible, [*words[:_MOST_UNKNOWN], *more]))
    return [style.paint(f"known after apply: {text}", "dim")]


def counts_line(plan: Plan, style: Style) -> str:
    """How many blocks and nodes change: the plan in one line."""
    name = style.paint(visible(plan.stack), "bold")
    if plan.empty:
        kept = plural(len(plan.changes), "node")
        return f"{name}: nothing to do, {kept} as wanted" if plan.changes else f"{name}: empty"
    blocks = len({change.block for change in plan.work})
    return f"{name}: {plural(blocks, 'block')} to change, nodes: {_counts(plan.counts)}"


def _counts(counts: Mapping[str, int]) -> str:
    words = [f"{counts[a.value]:,} to {a.value}" for a in _ORDER if counts.get(a.value)]
    return ", ".join(words)


def _block(block: str, changes: list[Change], category: str, width: int, style: Style) -> list[str]:
    """One line where all nodes share their reason, else a line per node and reason."""
    sign, tone = _sign(changes)
    blanks = " " * (width - cells(visible(block)))
    head = f"{style.paint(sign, tone)} {style.paint(visible(block), 'bold')}{blanks}  "
    shared = _shared_reason(changes)
    if shared is not None:
        steps = ", ".join(_step(change) for change in changes)
        what = "" if shared.kind == "first" else f"{category}: "
        return [f"{head}{what}{style.paint(steps, 'dim')} ({visible(shared.text)})"]
    actions = max(len(change.action.value) for change in changes)
    steps_width = max(cells(_step(change)) for change in changes)
    lines = [f"{head}{category}".rstrip()]
    for change in changes:
        action = style.paint(f"{change.action.value:<{actions}}", _SIGNS[change.action][1])
        start = f"    {action}  {_step(change):<{steps_width}}  "
        blank = " " * (4 + actions + 2 + steps_width + 2)
        reasons = _reasons(change, block) or [""]
        lines.append((start + reasons[0]).rstrip())
        lines += [blank + reason for reason in reasons[1:]]
    return lines


def _sign(changes: list[Change]) -> tuple[str, Tone | None]:
    actions = {change.action for change in changes}
    if len(actions) == 1:
        found = next(iter(actions))
        if found is not Action.RUN or not _all_new(changes):
            return _SIGNS[found]
    if _all_new(changes):
        return _SIGNS[Action.CREATE]
    return _SIGNS[Action.REPLACE if Action.REPLACE in actions else Action.UPDATE]


def _all_new(changes: Iterable[Change]) -> bool:
    return all(any(reason.kind in _NEW for reason in change.reasons) for change in changes)


def _shared_reason(changes: list[Change]) -> Reason | None:
    """The one reason that all nodes of a block share, where it says nothing of a single node."""
    found = {reason for change in changes for reason in _hashable(change.reasons)}
    if len(found) == 1 and all(len(change.reasons) == 1 for change in changes):
        kind, _ = next(iter(found))
        return changes[0].reasons[0] if kind in _SAME_FOR_ALL else None
    return None


def _hashable(reasons: Iterable[Reason]) -> list[tuple[str, str]]:
    return [(reason.kind, reason.text) for reason in reasons]


def _step(change: Change) -> str:
    return visible(change.address.removeprefix(change.block).lstrip("/"))


def _reasons(change: Change, block: str) -> list[str]:
    """A line per reason; inputs that changed inside the block are named by their step alone."""
    own, follows = [], []
    for reason in change.reasons:
        inside = f"input changed: {block}/"
        if reason.kind == "input" and reason.text.startswith(inside):
            follows.append(reason.text.removeprefix(inside))
        else:
            own.append(visible(_field_text(reason)))
    if follows:
        own.append("follows " + ", ".join(map(visible, dict.fromkeys(follows))))
    return own


def _field_text(reason: Reason) -> str:
    """A reason's sentence; a whole part that came or went is named and not spelt out."""
    if reason.field is not None and reason.kind == "field":
        if reason.old is None and isinstance(reason.new, dict):
            return f"{reason.field}: added"
        if reason.new is None and isinstance(reason.old, dict):
            return f"{reason.field}: removed"
    return reason.text
