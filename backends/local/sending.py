"""How events of runs reach an endpoint: kept first, then sent in order, for seconds and no more."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path

from backends.local.webhook import post
from compiler.backend import TaskContext
from compiler.codes import Code
from compiler.diagnostics import StackcError, fail
from compiler.engine import durable
from compiler.graph.operations import Channel

LOG = "openlineage.jsonl"
KEPT = "openlineage"
"""Folder of what is still to be sent, a file for each channel."""
SECONDS = 5.0
"""That an apply waits for an endpoint, all events together."""
MOST = 64 * 2**20
"""Bytes that are kept of one channel; beyond, the oldest events are given up."""
_REFUSED = re.compile(r" answered (400|413|422)\b")
"""An endpoint that does not take this very event will not take it tomorrow."""


def send(channel: Channel, lines: Sequence[str], context: TaskContext) -> None:
    """Hand events to a channel: append them to the log, or POST each.

    Raises:
        StackcError: W701 where events are kept for the next run, or given up.
    """
    body = "".join(f"{line}\n" for line in lines).encode("utf-8")
    if channel.url is None:
        if body:
            durable.append(context.state / LOG, body)
        return
    path = context.state / KEPT / f"{channel.name.partition('.')[2] or channel.name}.jsonl"
    if body:
        durable.append(path, body)
    if path.is_file():
        _sent(channel, path, context)


def _sent(channel: Channel, path: Path, context: TaskContext) -> None:
    """Send what is kept, the oldest first, and keep the rest."""
    waiting = path.read_bytes().splitlines()
    refused: list[str] = []
    sent, trouble = _posted(channel, waiting, refused, context)
    kept, old = _bounded(waiting[sent:])
    if sent or old:
        durable.write(path, b"".join(line + b"\n" for line in kept))
    if not kept:
        durable.remove(path)
    reasons = [*([trouble] if trouble else []), *refused[:1]]
    told = [
        *([f"{len(kept)} events are kept"] if kept else []),
        *([f"{len(refused) + old} are given up"] if refused or old else []),
    ]
    if reasons:
        raise fail(
            Code.NOTIFICATION_FAILED,
            f"{reasons[0]}; {', '.join(told)}",
            help="mend the channel; what is kept is sent with the next run",
        )


def _posted(
    channel: Channel, waiting: Sequence[bytes], refused: list[str], context: TaskContext
) -> tuple[int, str | None]:
    """How many events are off, and what kept the others."""
    assert channel.url is not None  # a log was written before
    url = context.secret(channel.url)
    headers = {name: context.secret(value) for name, value in channel.headers}
    deadline = time.monotonic() + SECONDS
    for at, line in enumerate(waiting):
        left = deadline - time.monotonic()
        if left <= 0:
            return at, f"`{channel.name}` was not told all: {SECONDS:g} s were over"
        try:
            post(channel.name, channel.url, url, headers, line, left, "application/json")
        except StackcError as error:
            message = error.diagnostics[0].message
            if not _REFUSED.search(message):
                return at, message
            refused.append(message)
    return len(waiting), None


def _bounded(lines: Sequence[bytes]) -> tuple[list[bytes], int]:
    """The newest lines that fit, and how many older ones are given up."""
    room, kept = MOST, list(lines)
    for at in range(len(kept) - 1, -1, -1):
        room -= len(kept[at]) + 1
        if room < 0:
            return kept[at + 1 :], at + 1
    return kept, 0
