"""What looks at what is deployed have in common: asking backends, and keeping what was found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from compiler.backend import EventDraft
from compiler.engine import durable, outbox, rows
from compiler.engine.execution import seed_of
from compiler.engine.project import Project
from compiler.engine.rows import NodeRow
from compiler.engine.tasks import Call
from compiler.graph.digest import canonical
from compiler.graph.node import Graph
from compiler.graph.operations import Watch
from compiler.lower import Lowered, LoweredTask

MOST_WINDOWS = 500
"""Windows that a monitor remembers, the newest."""


class Look(Struct):
    """One look at one monitor; ``row`` is as the state has it at any moment."""

    project: Project
    graph: Graph
    lowered: Lowered
    row: NodeRow

    @property
    def watch(self) -> Watch:
        """The monitor as it was applied."""
        return msgspec.json.decode(self.row.parameters, type=Watch)

    def ask(self, method: str, arguments: tuple[object, ...], workdir: Path) -> Any:
        """Have the backend that watches do something; raises StackcError."""
        task = self.lowered.restore(self.row.backend, self.row.operation, self.row.settings)
        return self.run(task, method, (self.row.attributes or {}, *arguments), workdir)

    def run(
        self, task: LoweredTask, method: str | None, arguments: tuple[object, ...], workdir: Path
    ) -> Any:
        """Run a task on behalf of the monitor; raises StackcError."""
        seed = seed_of(self.project, self.row, task, workdir)
        call = Call(task.lowering.target, method, arguments, seed)
        return self.project.workers.run(call, task.lowering.isolation, silent)

    def document(self, output: str) -> Any | None:
        """What was found before; None where it was never put down, or is damaged.

        Then what was told stays told, and what is judged from now on is kept anew.
        """
        stored = self.row.outputs.get(output)
        path = stored and self.project.store.get(stored.digest, stored.suffix)
        return msgspec.json.decode(path.read_bytes()) if path else None

    def keep(
        self,
        output: str,
        document: Any,
        summary: dict[str, int],
        drafts: dict[str, EventDraft],
        workdir: Path,
    ) -> Path:
        """Put what was found into the state, with the events of it, by origin, as one step."""
        project, state = self.project, self.project.state
        path = workdir / f"{output}.json"
        path.write_bytes(canonical(document))
        stored = project.store.put(path, self.row.outputs[output].suffix, move=False)
        outputs = {**self.row.outputs, output: stored}
        row = replace(self.row, outputs=outputs, summary={**self.row.summary, **summary})
        channels = outbox.channels_of(self.graph)
        with state.transaction():
            rows.put_node(state, row)
            rows.put_stamps(state, project.store.take_fresh())
            for origin, draft in drafts.items():
                outbox.put(state, "", origin, [outbox.scrubbed(project, draft)], channels)
        self.row = row
        durable.point("monitor.kept")
        return path


def silent(_text: str) -> None:
    """Looking is quick: there is no progress to show."""
