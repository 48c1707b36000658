"""Trainings: how many of them stand side by side, and what each may use of the machine."""

from __future__ import annotations

from compiler.engine.plan import Action, Change, Plan
from compiler.engine.workers import Limits
from compiler.lower import Lowered


def trains(change: Change, lowered: Lowered) -> bool:
    """Whether an action is a training in a process: those take turns, or share the threads."""
    task = lowered.tasks.get(change.address)
    training = change.category == "retrain"
    return training and task is not None and task.lowering.isolation == "process"


def lanes_of(plan: Plan, lowered: Lowered, limits: Limits) -> int:
    """How many trainings of a plan may stand side by side: as many as there are, and jobs."""
    wanted = sum(trains(c, lowered) for c in plan.changes if c.action is Action.RUN)
    return max(1, min(limits.jobs, wanted))


def share_of(limits: Limits, lanes: int) -> int:
    """The threads of one training of so many; no training's result depends on them."""
    return max(1, limits.threads // lanes)
