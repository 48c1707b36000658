"""What a registry keeps of a model, and what it has to be able to do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from compiler.backend import Artifact
from compiler.codes import Code
from compiler.diagnostics import StackcError, fail
from compiler.graph.documents import Registration

KEPT_OPERATIONS = 20
"""How many ids a version remembers of the operations that updated it."""


class Registered(Struct, frozen=True):
    """One registered version.

    Attributes:
        registration: What users see of it.
        model_key: The key of the node that made the model.
        held: Digest of the champion that the candidate of that key was held
            against; None where there was none.
        operations: Ids of the operations that made or updated it, newest last.
        size: Bytes of the model file.
    """

    registration: Registration
    model_key: str
    held: str | None
    operations: tuple[str, ...]
    size: int

    @property
    def number(self) -> int:
        """Counts from 1 per name."""
        return self.registration["version"]

    @property
    def digest(self) -> str:
        """SHA-256 of the model file."""
        return self.registration["digest"]


class Candidate(Struct, frozen=True):
    """A model on its way in; ``registration`` has its number still open (0).

    Attributes:
        registration: What users will see of it.
        inputs: What Register was given: the packaged model, its documents, the data.
        key: The key of the node that made the model.
        held: Digest of the champion it was held against, or would have been.
    """

    registration: Registration
    inputs: Mapping[str, Artifact]
    key: str
    held: str | None

    @property
    def model(self) -> Artifact:
        """The packaged model."""
        return self.inputs["model"]


class Registry(Protocol):
    """The versions of one name; every method may raise StackcError."""

    def champion(self) -> Registered | None:
        """The version that is served and challenged; None before the first."""

    def by_operation(self, operation_id: str) -> Registered | None:
        """The version that an operation made or updated."""

    def holds(self, version: Registered) -> bool:
        """Whether the version's model is there, whole as far as can be told without reading it."""

    def open(self, digest: str) -> Path:
        """The file of a registered model, its content verified. Raises E715."""

    def add(self, candidate: Candidate, operation_id: str) -> Registered:
        """Register as the next version, not the champion yet; the same id again, once."""

    def write(self, version: Registered) -> None:
        """Keep what is new about a version."""

    def crown(self, number: int) -> None:
        """Make a version the champion."""

    def clear(self) -> None:
        """Remove the name with all its versions; removing what is gone is no error."""


def unreadable(name: str, digest: str) -> StackcError:
    """The error of a champion whose file is not there as it was registered (E715)."""
    return fail(
        Code.MODEL_UNREADABLE,
        f"the champion of `{name}` ({digest[:12]}) is missing from the registry,"
        " or its file is damaged",
        help="apply once without the gates that mention the champion:"
        " the candidate then becomes the new champion",
    )
