"""How a run ended, as text: what was done, what failed, what was skipped because of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from compiler.diagnostics import Diagnostic
from compiler.engine.plan import Action
from compiler.engine.results import Listener, RunResult
from compiler.report.diagnostics import to_json
from compiler.report.text_live import End, Progress
from compiler.report.text_style import Style, plural, seconds, visible

_DONE: dict[Action, End] = {Action.REUSE: "reused", Action.DELETE: "deleted"}
_WORDS = {
    Action.CREATE: "created",
    Action.RUN: "run",
    Action.UPDATE: "updated",
    Action.REPLACE: "replaced",
    Action.ROLLBACK: "rolled back",
    Action.REUSE: "reused",
    Action.DELETE: "deleted",
}


class Telling(Listener):
    """Hands what the engine tells to the screen.

    A screen that cannot be written to any more is left alone: the run matters more.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._actions: dict[str, Action] = {}
        self._silent = False

    def started(self, address: str, action: Action) -> None:
        """An action starts."""
        self._actions[address] = action
        self._progress.began(address, action.value)

    def progress(self, address: str, text: str) -> None:
        """A running action says how far it is."""
        self._progress.said(address, text)

    def finished(self, address: str, seconds: float, summary: Mapping[str, Any]) -> None:
        """An action ended well."""
        self._ended(address, _DONE.get(self._actions[address], "done"), seconds, summary)

    def failed(self, address: str, diagnostics: tuple[Diagnostic, ...]) -> None:
        """An action ended badly."""
        remark = "; ".join(f"{d.code.value} {d.message}" for d in diagnostics)
        self._ended(address, "failed", remark=remark)

    def _ended(
        self,
        address: str,
        how: End,
        took: float | None = None,
        summary: Mapping[str, Any] | None = None,
        remark: str = "",
    ) -> None:
        if self._silent:
            return
        try:
            self._progress.ended(address, how, took, summary, remark)
        except OSError:
            self._silent = True


def end_lines(result: RunResult, style: Style, again: str) -> list[str]:
    """The run's verdict in a line or a few.

    Args:
        result: How the run went.
        style: Colours.
        again: The command that goes on from there.
    """
    done = Counter(finished.action for finished in result.finished)
    counts = ", ".join(
        f"{done[action]:,} {word}" for action, word in _WORDS.items() if done[action]
    )
    took = seconds(result.seconds)
    if result.status == "done":
        return [f"{style.paint('Done', 'good')} in {took}: {counts}"]
    word = "Interrupted" if result.status == "interrupted" else "Failed"
    tone = style.paint(word, "warning" if result.status == "interrupted" else "error")
    lines = [f"{tone} after {took}: {_missed(result)}{', ' + counts if counts else ''}"]
    for because, blocks in _lost(result).items():
        lines.append(f"Skipped because of {visible(because)}: {visible(', '.join(blocks))}")
    return [*lines, f"What finished is kept; to go on from there: {again}"]


def _lost(result: RunResult) -> dict[str, list[str]]:
    """The blocks that each failed node kept from going on."""
    found: dict[str, dict[str, None]] = {}
    for address, because in result.skipped.items():
        found.setdefault(because, {})[address.split("/", 1)[0]] = None
    return {because: list(blocks) for because, blocks in found.items()}


def _missed(result: RunResult) -> str:
    words = []
    if result.failed:
        words.append(f"{len(result.failed)} failed")
    if result.skipped:
        words.append(f"{len(result.skipped)} skipped")
    return ", ".join(words) or plural(len(result.finished), "action") + " ended"


def run_document(result: RunResult) -> dict[str, Any]:
    """A run's end as plain data."""
    return {
        "status": result.status,
        "run": result.id or None,
        "seconds": result.seconds,
        "finished": [
            {
                "address": finished.address,
                "action": finished.action.value,
                "seconds": finished.seconds,
                "summary": dict(finished.summary),
            }
            for finished in result.finished
        ],
        "failed": {a: [to_json(d) for d in found] for a, found in result.failed.items()},
        "skipped": dict(result.skipped),
    }
