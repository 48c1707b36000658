"""A rollout on disk: which revision is tried beside which, and how that was judged.

One file beside the revisions. Who serves writes it, before the first request goes to the
canary and before the verdict is acted on; counts are in memory only, so that a rollout that a
crash cut short begins anew.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct, to_builtins
from msgspec.structs import replace

from backends.serving.judging import Verdict
from compiler.engine import durable
from compiler.graph.digest import canonical

_FILE = "rollout.json"


class Trial(Struct, frozen=True):
    """A rollout that began.

    Attributes:
        number: The revision that is tried.
        former: The one that serves beside it.
        operation: Id of the operation that began it.
        verdict: How it was judged; None while it goes on.
    """

    number: int
    former: int
    operation: str
    verdict: Verdict | None = None


class Trials:
    """The rollout of one deployment, the last that began."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / _FILE

    def last(self) -> Trial | None:
        """The last that began; None where none did, or none that can be read."""
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=Trial)
        except (OSError, msgspec.MsgspecError):
            return None

    def running(self) -> Trial | None:
        """The one that goes on, or was cut short."""
        found = self.last()
        return found if found is not None and found.verdict is None else None

    def begin(self, trial: Trial) -> None:
        """Write that one begins, in the place of any before."""
        durable.write(self._file, canonical(to_builtins(trial)))

    def judged(self, trial: Trial, verdict: Verdict) -> None:
        """Write how it was judged."""
        self.begin(replace(trial, verdict=verdict))

    def end(self) -> None:
        """Forget it: the deployment was turned to one revision as a whole."""
        durable.remove(self._file)
