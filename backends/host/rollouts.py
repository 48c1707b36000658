"""Rollouts in the host: a canary beside the revision that serves, judged while it answers."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from backends.host.process import OWNER
from backends.serving.deployed import Canary, Deployed, Models
from backends.serving.judging import judge
from backends.serving.revised import short
from backends.serving.revisions import Revision, Revisions

_LOOK_SECONDS = 0.2
_LOG = logging.getLogger(__name__)


class Rollouts:
    """The canaries of a host, and the thread that judges them.

    ``changing`` is held by whoever changes what is served.
    """

    def __init__(self, state: Path, models: Models, changing: threading.Lock) -> None:
        self._state, self._models, self._changing = state, models, changing
        self._thread: threading.Thread | None = None

    def begin(self, revision: Revision, former: Deployed, deployed: Deployed) -> None:
        """Have a revision tried beside the one that serves; called with the lock held.

        The key is the deployment's: the new one holds for both from now on.
        """
        name, rollout = revision.operation.name, revision.operation.rollout
        shelf = Revisions(self._state, name, OWNER)
        current = shelf.current()
        assert rollout is not None  # whoever tries has asked for it
        assert current is not None
        shelf.try_out(revision, current)
        canary = Canary(deployed, rollout)
        self._models.put(short(name), replace(former, api_key=deployed.api_key, canary=canary))
        if self._thread is None:
            self._thread = threading.Thread(target=self._go, name="judge", daemon=True)
            self._thread.start()

    def look(self) -> None:
        """Judge every canary that can be judged, and do what follows from it."""
        for name, held in self._models.items():
            canary = held.canary
            if canary is None:
                continue
            if canary.verdict is None:
                seconds = time.monotonic() - canary.began
                canary.verdict = judge(canary.rollout, canary.new, canary.former, seconds)
            if canary.verdict is not None:
                if not canary.verdict.promoted:
                    # At once, whoever holds the lock: it is asked no more.
                    canary.percent = 0
                with self._changing:
                    self._turn(name, canary)

    def _turn(self, name: str, canary: Canary) -> None:
        """Write the verdict and serve one revision alone, unless others were deployed since."""
        held, verdict = self._models.get(name), canary.verdict
        shelf = Revisions(self._state, f"deployments.{name}", OWNER)
        trial = shelf.trials.running()
        if held is None or held.canary is not canary or verdict is None:
            return
        if trial is not None and trial.number == canary.deployed.revision:
            shelf.judged(trial, verdict)
            done = "promoted" if verdict.promoted else "aborted"
            _LOG.warning("%s revision %d is %s: %s", name, trial.number, done, verdict.why)
        self._models.put(name, canary.deployed if verdict.promoted else replace(held, canary=None))

    def _go(self) -> None:
        while True:
            time.sleep(_LOOK_SECONDS)
            try:
                self.look()
            except Exception:
                # A full disk: what was decided is written at the next look.
                _LOG.exception("a rollout could not be judged")


def told(canary: Canary | None) -> dict[str, Any] | None:
    """How a canary stands, as the host tells it."""
    if canary is None:
        return None
    left = canary.rollout.for_s - (time.monotonic() - canary.began)
    return {
        "revision": canary.deployed.revision,
        "answered": canary.new.answered,
        "left": max(0.0, left),
    }
