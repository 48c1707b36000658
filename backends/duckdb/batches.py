"""Work that DuckDB and Python share: while one batch is looked at, DuckDB makes the next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

_T = TypeVar("_T")
SIZE = 100
"""Texts in one batch: fewer take DuckDB longer together, more are waited for longer."""


def batches(ask: Callable[[Sequence[str]], _T], texts: Sequence[str]) -> Iterator[_T]:
    """What is answered of texts, a batch at a time and in order.

    ``ask`` runs in a thread, and whoever looks at an answer must not touch the
    connection that it asks: DuckDB lets go of the interpreter, so two cores work.
    """
    parts = [texts[at : at + SIZE] for at in range(0, len(texts), SIZE)]
    if len(parts) < 2:
        yield from map(ask, parts)
        return
    # Most specs have no second batch, and starting is what they wait for.
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1, "duckdb") as worker:
        yield from worker.map(ask, parts)
