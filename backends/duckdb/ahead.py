"""What DuckDB says of texts: many are asked about together, before anybody needs the answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from msgspec import Struct, field

from backends.duckdb.sessions import Session, Sessions

if TYPE_CHECKING:
    from concurrent.futures import Future

_T = TypeVar("_T")
SIZE = 300
"""Texts in one batch. At the end of each the thread waits for the interpreter, which costs some
milliseconds; the first answer of a batch is there when the last is."""


class Answers(Struct, Generic[_T]):
    """The answers to one question about texts; each is handed out once.

    Attributes:
        question: Asks a session about texts together; what it leaves out has no answer.
        sessions: Where few are asked about at once, and many aside.
    """

    question: Callable[[Session, Sequence[str]], Mapping[str, _T]]
    sessions: Sessions
    known: dict[str, _T] = field(default_factory=dict)
    coming: dict[str, tuple[Sequence[str], Future[Mapping[str, _T]]]] = field(default_factory=dict)

    def ahead(self, texts: Iterable[str]) -> None:
        """Be told texts whose answers will be wanted; nothing is waited for where they are many."""
        new = [t for t in dict.fromkeys(texts) if t not in self.known and t not in self.coming]
        if len(new) < SIZE:
            self._ask(new)
            return
        for at in range(0, len(new), SIZE):
            batch = new[at : at + SIZE]
            answers = self.sessions.aside(self.question, batch)
            self.coming.update(dict.fromkeys(batch, (batch, answers)))

    def take(self, text: str) -> _T | None:
        """The answer; None where there is none."""
        if text in self.coming:
            batch, answers = self.coming[text]
            for other in batch:
                del self.coming[other]
            self.known.update(answers.result())
        elif text not in self.known:
            self._ask([text])
        return self.known.pop(text, None)

    def _ask(self, texts: Sequence[str]) -> None:
        if texts:
            self.known.update(self.question(self.sessions.here, texts))
