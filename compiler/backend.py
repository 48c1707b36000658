"""What a backend must be: tables of what it can run, and the calls it is run by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

from msgspec import Struct, field
from pydantic import BaseModel, ConfigDict

from compiler.graph.operations import Operation
from compiler.graph.types import ValueType

Json: TypeAlias = Any
"""Plain JSON data."""

CAPABILITIES = (
    "read", "query", "version", "profile", "tune", "train", "predict", "register", "serve",
    "notify",
)  # fmt: skip
DEFAULTS: Mapping[str, str] = {
    "read": "files",
    "query": "duckdb",
    "version": "local",
    "profile": "whylogs",
    "tune": "local",
    "train": "local",
    "predict": "local",
    "register": "local",
    "serve": "host",
    "notify": "local",
}
"""The embedded backends: which one offers a capability when nothing else is said."""


class Settings(BaseModel):
    """Settings of a backend, from its config group: frozen and closed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Artifact(Struct, frozen=True):
    """A stored value: a verified file, read only, with its digest and type."""

    path: Path
    digest: str
    type: ValueType


class EventDraft(Struct, frozen=True):
    """Something worth telling: ``type`` such as ``model.registered``, about one block.

    ``severity``: info, warning, error. ``notify`` names channels to tell
    besides those that subscribe to the type.
    """

    type: str
    subject: str
    message: str
    severity: Literal["info", "warning", "error"] = "info"
    data: Mapping[str, Json] = field(default_factory=dict)
    notify: tuple[str, ...] = ()


class Outcome(Struct, frozen=True):
    """What a step or resource made: a file per output, a few numbers to show, events.

    Files lie in the task's ``workdir`` and are moved into the store; a
    resource may hand back an input's own path (``inputs["table"].path``) for
    an output that is the same value.
    """

    files: Mapping[str, Path]
    summary: Mapping[str, Json] = field(default_factory=dict)
    events: tuple[EventDraft, ...] = ()


ENVIRONMENTS = "environments"
"""The folder in ``.stackc`` that holds the state of each environment of a spec."""


class TaskContext(Struct, frozen=True):
    """What a task may use of the world.

    Attributes:
        address: The node's address, for messages.
        key: The node's key, what it observed outside included.
        input_keys: The token of each input (``compiler.graph.node.input_tokens``).
        observed: What the operation's observer found at plan time.
        project: The spec's folder; relative paths are resolved against it.
        state: The folder ``.stackc`` for backends that keep files of their own.
        workdir: An empty scratch folder, removed after the task.
        threads: How many threads the task may use.
        memory: How many bytes the task should stay under.
        settings: The backend's settings, validated.
        secret: Resolves ``${secret:NAME}`` references in a text; raises E708.
        progress: Says in a few words how far the task is; shown live.
    """

    address: str
    key: str
    input_keys: Mapping[str, str]
    observed: str | None
    project: Path
    state: Path
    workdir: Path
    threads: int
    memory: int
    settings: Settings
    secret: Callable[[str], str]
    progress: Callable[[str], None]

    @property
    def environment(self) -> str | None:
        """The environment of the spec; who keeps things outside of ``state`` names them by it."""
        return self.state.name if self.state.parent.name == ENVIRONMENTS else None


class Look(Struct, frozen=True):
    """What a look at a source may use of the world, before there is a task; as in TaskContext."""

    project: Path
    settings: Settings
    secret: Callable[[str], str]


class StepTask(Protocol):
    """Runs a step: a pure function of the operation and its inputs."""

    def __call__(
        self, operation: Any, inputs: Mapping[str, Artifact], context: TaskContext
    ) -> Outcome:
        """Make the outputs. Raises StackcError for anything a user can cause."""


class Observer(Protocol):
    """Fingerprints what an operation observes outside, at plan time.

    The context's ``input_keys`` are set, its ``key`` is empty (it depends on
    the answer), and ``observed`` is what the last apply had observed.
    """

    def __call__(self, operation: Any, context: TaskContext) -> str | None:
        """A digest that changes when the observed thing does; None when there is nothing."""


class Applied(Struct, frozen=True):
    """A resource as it was made: what finds it again, and its outputs."""

    attributes: Mapping[str, Json]
    outcome: Outcome


class ResourceTask(Protocol):
    """Reconciles one kind of resource; every effect carries an operation id chosen before it."""

    def read(self, attributes: Mapping[str, Json], context: TaskContext) -> bool:
        """Whether what was made earlier is still there as it was made."""

    def find(self, operation_id: str, context: TaskContext) -> Applied | None:
        """What an interrupted apply with this id has made, if it got that far."""

    def apply(
        self,
        operation: Any,
        inputs: Mapping[str, Artifact],
        operation_id: str,
        context: TaskContext,
    ) -> Applied:
        """Create or update. The same id again is the same effect, once."""

    def delete(
        self, attributes: Mapping[str, Json], operation_id: str, context: TaskContext
    ) -> None:
        """Remove it; removing what is gone is no error."""


class Standing(Struct, frozen=True):
    """How a rollout stands, in words.

    Once it is judged, ``applied`` is the resource as it is from then on, with
    the event that tells of it: promoted, or with ``rolled_back_from`` and the
    reason as ``aborted`` among its attributes.
    """

    text: str
    promoted: bool | None = None
    applied: Applied | None = None


class RevisionedTask(ResourceTask, Protocol):
    """A resource that keeps the revision before the one in use, to go back to.

    While a new one is tried beside it, the number of that is ``canary`` among
    the attributes.
    """

    def standing(self, attributes: Mapping[str, Json], context: TaskContext) -> Standing | None:
        """How the rollout of ``attributes`` stands; None where there is nobody to ask."""

    def rollback(
        self, attributes: Mapping[str, Json], operation_id: str, context: TaskContext
    ) -> Applied:
        """Put the former revision back in use; ``find`` knows the operation from then on.

        What comes back has ``rolled_back_from`` among its attributes: the
        number of the revision that the spec still asks for.

        Raises:
            StackcError: There is no former revision (E608), or it cannot be used.
        """


class WindowBatch(Struct, frozen=True):
    """Windows of a deployment's traffic that are over, held against the same reference.

    ``profile`` has one window each for the ``labels``, in their order.
    """

    labels: tuple[str, ...]
    profile: Path
    reference: Path


class AnsweredWindow(Struct, frozen=True):
    """What was answered in a window that is over, in a folder of files.

    ``end`` is when its time was over, in seconds since 1970.
    """

    label: str
    folder: Path
    end: float


class Traffic(Struct, frozen=True):
    """What a watch has gathered: windows that are over and not judged yet, and the open ones.

    ``rows`` were asked since the last window was over; ``closes`` is when the
    next one is, in words; None where no traffic has come. ``answers`` wait for labels.
    """

    batches: tuple[WindowBatch, ...] = ()
    rows: int = 0
    closes: str | None = None
    answers: tuple[AnsweredWindow, ...] = ()


class WatchTask(ResourceTask, Protocol):
    """The resource of Watch: gathers windows, and forgets those that were judged.

    Its outputs ``drift`` and ``performance`` are the documents that were judged last, empty ones
    at first.
    """

    def windows(self, attributes: Mapping[str, Json], close: bool, context: TaskContext) -> Traffic:
        """What there is to judge; ``close`` ends the open window now. Files lie in the workdir."""

    def judged(
        self,
        attributes: Mapping[str, Json],
        labels: tuple[str, ...],
        drift: Path,
        context: TaskContext,
    ) -> None:
        """Keep the document of what was found; forget these windows but for their answers."""

    def measured(
        self,
        attributes: Mapping[str, Json],
        labels: tuple[str, ...],
        performance: Path,
        context: TaskContext,
    ) -> None:
        """Keep the document of what was found; forget the answers of these windows."""


class Refusal(Struct, frozen=True):
    """A field a backend cannot honour: ``when`` tells from its value; ``help`` the way out."""

    field: str
    when: Callable[[Any], bool]
    help: str


class Lowering(Struct, frozen=True):
    """How a backend runs one operation.

    Attributes:
        target: ``package.module:name`` of a StepTask function or a
            ResourceTask class, imported when it runs.
        observer: ``package.module:name`` of an Observer.
        isolation: ``process`` for what is heavy or may die, in a worker
            process; ``thread`` for what releases the GIL and is short.
        refuses: Fields it cannot honour.
        revisions: Whether the ResourceTask is a RevisionedTask.
    """

    target: str
    observer: str | None = None
    isolation: Literal["thread", "process"] = "thread"
    refuses: tuple[Refusal, ...] = ()
    revisions: bool = False


class Backend(Struct, frozen=True):
    """A target system: its name, its settings, and its table of lowerings.

    ``requires`` names importable modules and ``extra`` the extra that
    installs them, for the message when one is missing. ``services`` maps what
    a backend can do beside running operations to ``package.module:name``.
    """

    name: str
    lowerings: Mapping[type[Operation], Lowering]
    settings: type[Settings] = Settings
    requires: tuple[str, ...] = ()
    extra: str | None = None
    services: Mapping[str, str] = field(default_factory=dict)
