"""What is kept of a watched deployment's traffic: one folder a monitor.

``<monitor>/windows/<watch>/<begin>/<writer>.whylogs`` holds what one process has
sketched of one window; a watch is a reference with the columns held against
it, whose profile lies beside its windows. Who reads merges the writers of a
window, so that it does not matter how many processes serve, or how often they
were started anew. ``watch.json`` is what was asked for, ``drift.json`` what was found.

Sketches have no rows. Where labels are awaited, ``<monitor>/answers/<begin>`` holds what
was answered in a window, by key, until its performance is judged: its drift is judged
before, and its sketches are gone by then. ``performance.json`` is what was found.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from compiler.backend import Artifact
from compiler.engine import durable
from compiler.graph.digest import canonical, digest
from compiler.graph.operations import Measure, Watch
from specs.metrics import METRICS

SNAPSHOT_SECONDS = 5.0
"""How often a writer puts down what it has sketched: what a kill may cost."""
GRACE_SECONDS = 3 * SNAPSHOT_SECONDS
"""How long after its end a window may still be written to."""
_RECORD, _DRIFT, _UNTIL = "watch.json", "drift.json", "until.json"
_PERFORMANCE, _CLOSED = "performance.json", "closed.json"
_REFERENCE, _WINDOWS, _ANSWERS = "reference.whylogs", "windows", "answers"
_PROFILE = ".whylogs"


class Watched(Struct, frozen=True):
    """What a monitor asked for.

    Attributes:
        operation: The monitor as the graph has it.
        watch: The folder of its windows' name.
        operations: Ids of the operations that asked, newest last.
        kept: What is kept of each answer, as a digest; empty where nothing is.
    """

    operation: Watch
    watch: str
    operations: tuple[str, ...]
    kept: str = ""


class Window(Struct, frozen=True):
    """One window on disk: of which watch, when it began (milliseconds), and its writers' files."""

    watch: str
    begin: int
    folder: Path

    @property
    def files(self) -> list[Path]:
        """What each writer has sketched."""
        return sorted(path for path in self.folder.iterdir() if path.suffix == _PROFILE)


class Windows:
    """The folder of one monitor."""

    def __init__(self, monitors: Path, name: str) -> None:
        self.folder = monitors / name

    def asked(self) -> Watched | None:
        """What the monitor asked for; None where it was never asked."""
        try:
            return msgspec.json.decode((self.folder / _RECORD).read_bytes(), type=Watched)
        except (OSError, msgspec.MsgspecError):
            return None

    def ask(self, operation: Watch, reference: Artifact, operation_id: str) -> Watched:
        """Write down what is asked for; windows of the same reference and columns go on."""
        watch = digest([reference.digest, operation.compare.columns, operation.window_s])[:16]
        before = self.asked()
        ids = before.operations if before is not None else ()
        ids = tuple(dict.fromkeys((*ids, operation_id)))[-50:]
        found = Watched(operation, watch, ids, _kept(operation.measure))
        durable.share(reference.path, self.folder / _WINDOWS / watch / _REFERENCE)
        durable.write(self.folder / _RECORD, canonical(msgspec.to_builtins(found)))
        return found

    def reference(self, watch: str) -> Path:
        """The profile that windows of a watch are held against."""
        return self.folder / _WINDOWS / watch / _REFERENCE

    def place(self, watch: str, begin: int, writer: str) -> Path:
        """Where a writer puts what it has sketched of a window."""
        return self.folder / _WINDOWS / watch / str(begin) / (writer + _PROFILE)

    def all(self) -> Iterator[Window]:
        """Every window that is not judged yet, the oldest first."""
        found = [
            Window(folder.parent.name, int(folder.name), folder)
            for folder in self.folder.glob(f"{_WINDOWS}/*/*")
            if folder.name.isdecimal() and folder.is_dir()
        ]
        yield from sorted(found, key=lambda window: (window.begin, window.watch))

    def judged_until(self) -> int:
        """No window may begin before this time (ms): one of that name may have been judged."""
        return self._moment(_UNTIL)

    def closed(self, at: int) -> None:
        """Every window that began before this time (ms) is over."""
        durable.write(self.folder / _CLOSED, canonical(at))

    def closed_until(self) -> int:
        """When windows were ended last before their time, in milliseconds."""
        return self._moment(_CLOSED)

    def _moment(self, name: str) -> int:
        try:
            return msgspec.json.decode((self.folder / name).read_bytes(), type=int)
        except (OSError, msgspec.MsgspecError):
            return 0

    def answers_place(self, begin: int, writer: str, number: int) -> Path:
        """Where a writer puts a file of what it answered in a window."""
        return self.folder / _ANSWERS / str(begin) / f"{writer}-{number}.parquet"

    def answers(self) -> Iterator[tuple[int, Path]]:
        """When each window began whose answers still wait for labels, and its folder."""
        found = [path for path in self.folder.glob(f"{_ANSWERS}/*") if path.name.isdecimal()]
        yield from sorted((int(path.name), path) for path in found if path.is_dir())

    def measured(self, labels: Iterable[str], performance: Path) -> None:
        """Keep what was found, and no answers of these windows."""
        durable.write(self.folder / _PERFORMANCE, performance.read_bytes())
        done = set(labels)
        for begin, folder in [*self.answers()]:
            if label_of(begin) in done:
                shutil.rmtree(folder, ignore_errors=True)

    def forget_answers(self) -> None:
        """Keep no answers any more: nobody asks how good they were."""
        shutil.rmtree(self.folder / _ANSWERS, ignore_errors=True)

    @property
    def performance(self) -> Path:
        """What was found of answers; not there before the first window was judged."""
        return self.folder / _PERFORMANCE

    def judged(self, labels: Iterable[str], drift: Path) -> None:
        """Keep what was found, and nothing else of these windows; references without any go too."""
        durable.write(self.folder / _DRIFT, drift.read_bytes())
        asked, now = self.asked(), time.time_ns() // 1_000_000
        done = [window for window in self.all() if label_of(window.begin) in set(labels)]
        if asked and any(end_of(w.begin, asked.operation.window_s) > now for w in done):
            durable.write(self.folder / _UNTIL, canonical(now))
        for window in done:
            shutil.rmtree(window.folder, ignore_errors=True)
        left = {window.watch for window in self.all()} | {asked.watch if asked else ""}
        for folder in self.folder.glob(f"{_WINDOWS}/*"):
            if folder.name not in left:
                shutil.rmtree(folder, ignore_errors=True)

    @property
    def drift(self) -> Path:
        """What was found in the windows that were judged; not there before the first."""
        return self.folder / _DRIFT

    def clear(self) -> None:
        """Remove the monitor with all that was kept for it; the record goes first."""
        if self.folder.is_dir():
            durable.remove(self.folder / _RECORD)
            shutil.rmtree(self.folder, ignore_errors=True)


def _kept(measure: Measure | None) -> str:
    if measure is None:
        return ""
    return digest([measure.key, METRICS[measure.metric].scores])[:16]


def end_of(begin: int, window_s: int) -> int:
    """When a window ends, in milliseconds: at the next whole multiple of its length."""
    length = window_s * 1000
    return (begin // length + 1) * length


def label_of(begin: int) -> str:
    """When a window began, for people: to the minute where it began with one. UTC."""
    moment = datetime.fromtimestamp(begin / 1000, UTC)
    if begin % 60_000 == 0:
        return moment.strftime("%Y-%m-%d %H:%M")
    return moment.strftime("%Y-%m-%d %H:%M:%S.") + f"{begin % 1000:03}"
