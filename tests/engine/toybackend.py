"""A small real backend: integer tables as JSON lines, and shelves as resources, all real files."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compiler.backend import (
    Applied,
    Artifact,
    Backend,
    EventDraft,
    Json,
    Lowering,
    Outcome,
    Refusal,
    Settings,
    TaskContext,
)
from compiler.codes import Code
from compiler.diagnostics import fail
from compiler.engine import durable
from compiler.engine.store import digest_of
from compiler.graph.operations import Channel, Operation

HERE = "tests.engine.toybackend"


class ToySettings(Settings):
    """Where shelves stand, relative to the project."""

    shelves: str = "shelves"


class Numbers(Operation, frozen=True):
    """Read a text file of integers; outputs ``table``."""

    capability = "read"
    category = "ingest"
    observes = True
    path: str


class Add(Operation, frozen=True):
    """Add to every number of every input; outputs ``table``."""

    capability = "query"
    category = "query"
    amount: int
    options: tuple[tuple[str, int], ...] = ()


class Heavy(Operation, frozen=True):
    """Like Add, in a worker process; ``mood`` makes it misbehave."""

    capability = "train"
    category = "retrain"
    mood: str = "well"
    secret: str = ""


class Shelve(Operation, frozen=True):
    """Put a table on a shelf outside; outputs ``table``, the same value, and ``card``."""

    capability = "version"
    category = "publish"
    kind = "resource"
    forwards = {"table": "table"}
    name: str
    most: int = 1_000_000


def observe(operation: Numbers, context: TaskContext) -> str | None:
    """The file's digest. Raises E701 for a missing file."""
    path = context.project / operation.path
    if not path.is_file():
        raise fail(Code.SOURCE_MISSING, f"there is no file `{operation.path}`")
    return digest_of(path)


def read_numbers(
    operation: Numbers, inputs: Mapping[str, Artifact], context: TaskContext
) -> Outcome:
    """The numbers, as a sorted JSON list."""
    text = (context.project / operation.path).read_text()
    return _table(context, [int(word) for word in text.split()])


def add(operation: Add, inputs: Mapping[str, Artifact], context: TaskContext) -> Outcome:
    """All numbers, each plus the amount."""
    numbers = [n + operation.amount for n in _numbers(inputs)]
    context.progress(f"{len(numbers)} numbers")
    return _table(context, numbers)


def heavy(operation: Heavy, inputs: Mapping[str, Artifact], context: TaskContext) -> Outcome:
    """Work, or misbehave."""
    print("library chatter", operation.mood, file=sys.stderr)
    if operation.secret:
        value = context.secret(operation.secret)
        print("connecting with", value)
        context.progress(f"using {value}")
    if operation.mood == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if operation.mood == "bug":
        raise RuntimeError(f"boom {context.secret(operation.secret)}")
    if operation.mood == "full":
        raise OSError(28, "No space left on device")
    if operation.mood == "slow":
        (context.project / "slow.started").touch()
        time.sleep(60)
    if operation.mood == "gate":
        raise fail(Code.GATE_FAILED, "`toy` missed its gates", notes=("FAILED  x >= 1",))
    if operation.mood == "wrong":
        return Outcome({})
    return _table(context, [n * 2 for n in _numbers(inputs)])


class Shelves:
    """A shelf is a file outside, and a log says which operation ids had an effect."""

    def read(self, attributes: Mapping[str, Json], context: TaskContext) -> bool:
        path = Path(attributes["path"])
        return path.is_file() and digest_of(path) == attributes["digest"]

    def find(self, operation_id: str, context: TaskContext) -> Applied | None:
        for card in sorted(_shelves(context).glob("*.card")):
            found = json.loads(card.read_text())
            if found["operation_id"] == operation_id:
                return _applied(card.with_suffix(".json"), found, context)
        return None

    def apply(
        self,
        operation: Shelve,
        inputs: Mapping[str, Artifact],
        operation_id: str,
        context: TaskContext,
    ) -> Applied:
        numbers = _numbers(inputs)
        if max(numbers, default=0) > operation.most:
            raise fail(Code.DATA_REJECTED, f"`{operation.name}` holds {max(numbers)}")
        shelf = _shelves(context) / f"{operation.name}.json"
        shelf.parent.mkdir(parents=True, exist_ok=True)
        durable.point("toy.before")
        _log(context, f"apply {operation_id}")
        durable.write(shelf, inputs["table"].path.read_bytes())
        card = {"operation_id": operation_id, "name": operation.name, "count": len(numbers)}
        durable.write(shelf.with_suffix(".card"), json.dumps(card).encode())
        durable.point("toy.after")
        return _applied(shelf, card, context)

    def delete(
        self, attributes: Mapping[str, Json], operation_id: str, context: TaskContext
    ) -> None:
        path = Path(attributes["path"])
        if path.exists():
            _log(context, f"delete {operation_id}")
        path.unlink(missing_ok=True)
        path.with_suffix(".card").unlink(missing_ok=True)
        durable.point("toy.deleted")


class Mailbox:
    """A channel into a file; the url ``broken:`` takes nothing."""

    def read(self, attributes: Mapping[str, Json], context: TaskContext) -> bool:
        return True

    def find(self, operation_id: str, context: TaskContext) -> Applied | None:
        return None

    def apply(
        self,
        operation: Channel,
        inputs: Mapping[str, Artifact],
        operation_id: str,
        context: TaskContext,
    ) -> Applied:
        return Applied({"name": operation.name}, Outcome({}))

    def delete(
        self, attributes: Mapping[str, Json], operation_id: str, context: TaskContext
    ) -> None:
        return None

    def deliver(self, operation: Channel, event: Mapping[str, Json], context: TaskContext) -> None:
        if (context.project / "mail.broken").exists():
            raise fail(Code.NOTIFICATION_FAILED, f"`{operation.name}` does not answer")
        with (context.project / f"{operation.name}.mail").open("a") as mail:
            mail.write(json.dumps(event) + "\n")


def _applied(shelf: Path, card: Mapping[str, Any], context: TaskContext) -> Applied:
    written = context.workdir / "card.json"
    written.write_text(json.dumps({"name": card["name"], "count": card["count"]}))
    event = EventDraft("model.registered", card["name"], f"{card['name']} is on the shelf")
    outcome = Outcome({"table": shelf, "card": written}, {"count": card["count"]}, (event,))
    return Applied({"path": str(shelf), "digest": digest_of(shelf)}, outcome)


def _shelves(context: TaskContext) -> Path:
    settings = context.settings
    assert isinstance(settings, ToySettings)
    return context.project / settings.shelves


def _log(context: TaskContext, line: str) -> None:
    """The same id again is the same effect, once."""
    log = context.project / "effects.log"
    if not log.exists() or line not in log.read_text().split("\n"):
        durable.append(log, f"{line}\n".encode())


def _numbers(inputs: Mapping[str, Artifact]) -> list[int]:
    found = [number for _, a in sorted(inputs.items()) for number in json.loads(a.path.read_text())]
    return [int(number) for number in found]


def _table(context: TaskContext, numbers: list[int]) -> Outcome:
    path = context.workdir / "table.json"
    path.write_text(json.dumps(numbers))
    return Outcome({"table": path}, {"rows": len(numbers)})


TOY = Backend(
    name="toy",
    lowerings={
        Numbers: Lowering(f"{HERE}:read_numbers", observer=f"{HERE}:observe"),
        Add: Lowering(
            f"{HERE}:add",
            refuses=(Refusal("amount", lambda value: value == 13, "take another number"),),
        ),
        Heavy: Lowering(f"{HERE}:heavy", isolation="process"),
        Shelve: Lowering(f"{HERE}:Shelves"),
        Channel: Lowering(f"{HERE}:Mailbox"),
    },
    settings=ToySettings,
)
OTHER = Backend("other", TOY.lowerings, ToySettings)
