"""What DuckDB says of texts: many are asked about together, and ahead of who looks at the answers.

A thread with a session of its own asks, and lets go of the interpreter while
DuckDB works, so that two cores are busy: one makes answers, one looks at them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from msgspec import Struct, field

from backends.duckdb.sessions import Session

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

_T = TypeVar("_T")
SIZE = 300
"""Texts in one batch. At the end of each the thread waits for the interpreter, which costs some
milliseconds; the first answer of a batch is there when the last is."""


class Aside(Struct):
    """A thread that asks in a second session, which nobody else touches.

    ``open`` makes the session; both are made when there is first much to ask.
    """

    open: Callable[[], Session]
    session: Session | None = None
    thread: ThreadPoolExecutor | None = None

    def ask(
        self, what: Callable[[Session, Sequence[str]], Mapping[str, _T]], texts: Sequence[str]
    ) -> Future[Mapping[str, _T]]:
        """Ask about texts, after all that was asked before."""
        if self.thread is None or self.session is None:
            # Most specs have little to ask, and starting is what they wait for.
            from concurrent.futures import ThreadPoolExecutor

            self.session, self.thread = self.open(), ThreadPoolExecutor(1, "duckdb")
        return self.thread.submit(what, self.session, texts)


class Answers(Struct, Generic[_T]):
    """The answers to one question about texts; each is handed out once.

    Attributes:
        question: Asks a session about texts together; what it leaves out has no answer.
        session: Is asked where an answer is needed at once.
        aside: Is asked about many.
    """

    question: Callable[[Session, Sequence[str]], Mapping[str, _T]]
    session: Session
    aside: Aside
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
            self.coming.update(dict.fromkeys(batch, (batch, self.aside.ask(self.question, batch))))

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
            self.known.update(self.question(self.session, texts))
