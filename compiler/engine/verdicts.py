"""A verdict on data that blocks: what every publication refuses, and what a sweep stops at."""

from __future__ import annotations

import json
from collections.abc import Mapping

from compiler.backend import Artifact, Outcome, TaskContext
from compiler.codes import Code
from compiler.diagnostics import StackcError, fail
from compiler.graph.documents import RuleResult, Verdict
from compiler.graph.operations import Admit

_SHOWN = 60
_WHOLE = ("row_count", "freshness")
"""Rules that judge the table as a whole: no single row breaks them."""


def admit(operation: Admit, inputs: Mapping[str, Artifact], _context: TaskContext) -> Outcome:
    """Hand the table on unchanged.

    Raises:
        StackcError: A blocking rule is broken (E706).
    """
    verdict = blocking(inputs)
    if verdict is not None:
        raise rejected(operation.name, verdict)
    return Outcome({"table": inputs["table"].path})


def blocking(inputs: Mapping[str, Artifact]) -> Verdict | None:
    """The verdict that forbids to publish; None where nothing does."""
    if "verdict" not in inputs:
        return None
    verdict: Verdict = json.loads(inputs["verdict"].path.read_bytes())
    return verdict if verdict["blocked"] else None


def rejected(name: str, verdict: Verdict, *look: str) -> StackcError:
    """The finding for data that broke its blocking rules (E706), one line a rule.

    ``look`` says where the rejected table is kept to be looked at.
    """
    broken = [r for r in verdict["rules"] if not r["passed"] and r["on_failure"] == "block"]
    rules = "1 rule" if len(broken) == 1 else f"{len(broken)} rules"
    width = max(len(rule["name"]) for rule in broken) if broken else 0
    whole = all(rule["kind"] in _WHOLE for rule in broken)
    otherwise = (
        "let it `warn`" if whole else "give it a `tolerance`, or let it `quarantine` or `warn`"
    )
    return fail(
        Code.DATA_REJECTED,
        f"the new data of `{name}` breaks {rules}, so it is not published",
        help=(
            f"mend the data, or if the rule is too strict: {otherwise}",
            "nothing reads the new data; a version that was published before stays in use",
            *look,
        ),
        notes=tuple(_line(rule, width) for rule in broken),
    )


def _line(rule: RuleResult, width: int) -> str:
    allowed = f" (allowed {rule['tolerance']:.4%})" if rule["tolerance"] else ""
    counted = rule["detail"] or f"{rule['broken']} of {rule['rows']} rows"
    share = f", {rule['share']:.4%}{allowed}" if rule["kind"] not in _WHOLE else ""
    shown = ", ".join(str(value)[:_SHOWN] for value in rule["examples"])
    examples = f"; such as {shown}" if shown else ""
    return f"{rule['name']:<{width}}  {counted}{share}{examples}"
