"""A run as it happens: a line per finished node, and on a terminal those that are running."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct, field

from compiler.report.text_status import summary_text
from compiler.report.text_style import Style, Tone, cut, seconds, visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live
    from rich.table import Table

End = Literal["done", "failed", "skipped", "reused", "deleted", "stopped"]
_TONES: dict[str, Tone] = {
    "done": "good",
    "reused": "good",
    "deleted": "warning",
    "failed": "error",
    "skipped": "warning",
    "stopped": "warning",
}
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Running(Struct):
    """A node that runs: since when, and what it last said."""

    action: str
    since: float
    said: str = ""


class Progress:
    """A run as plain lines, one per node that ends; safe to call from several threads.

    Args:
        write: Takes one line at a time.
        style: Colours.
        width: Cells of the longest address, so that the lines align.
    """

    def __init__(self, write: Callable[[str], None], style: Style, width: int = 24) -> None:
        self._write = write
        self._style = style
        self._width = width
        self._guard = threading.Lock()
        self.running: dict[str, Running] = {}

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing stays on the screen but the lines."""

    def began(self, address: str, action: str) -> None:
        """A node starts."""
        with self._guard:
            self.running[address] = Running(action, time.monotonic())

    def said(self, address: str, text: str) -> None:
        """A node says how far it is."""
        with self._guard:
            if address in self.running:
                self.running[address].said = text

    def ended(
        self,
        address: str,
        how: End,
        took: float | None = None,
        summary: Mapping[str, Any] | None = None,
        remark: str = "",
    ) -> None:
        """A node ended, or will not start: ``remark`` says why."""
        with self._guard:
            self.running.pop(address, None)
            self._show(self._line(address, how, took, summary, remark))

    def _line(
        self,
        address: str,
        how: End,
        took: float | None,
        summary: Mapping[str, Any] | None,
        remark: str,
    ) -> str:
        word = self._style.paint(f"{how:<7}", _TONES.get(how))
        tail = visible(remark) or summary_text(dict(summary or {}))
        clock = seconds(took) if took is not None else ""
        return f"{word}  {visible(address):<{self._width}}  {clock:>8}  {tail}".rstrip()

    def _show(self, line: str) -> None:
        self._write(line)


class _Screen(Struct):
    """The part of the terminal that is drawn over and over."""

    live: Live
    console: Console
    began: float = field(default_factory=time.monotonic)


class LiveProgress(Progress):
    """The same, with the running nodes below, drawn anew eight times a second."""

    def __init__(self, style: Style, width: int = 24) -> None:
        super().__init__(lambda _line: None, style, width)
        self._screen: _Screen | None = None

    def __enter__(self) -> Progress:
        from rich.console import Console
        from rich.live import Live

        console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
        live = Live(
            get_renderable=self._table, console=console, transient=True, refresh_per_second=8,
            redirect_stdout=False, redirect_stderr=False,
        )  # fmt: skip
        self._screen = _Screen(live, console)
        live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._screen is not None:
            self._screen.live.stop()
            self._screen = None

    def _show(self, line: str) -> None:
        from rich.text import Text

        if self._screen is not None:
            self._screen.console.print(Text.from_ansi(line))

    def _table(self) -> Table:
        from rich.table import Table
        from rich.text import Text

        now = time.monotonic()
        grid = Table.grid(padding=(0, 1))
        spin = _SPINNER[int(now * 8) % len(_SPINNER)]
        for address, running in list(self.running.items()):
            clock = seconds(now - running.since)
            said = cut(visible(running.said), 60)
            grid.add_row(spin, Text(address, style="bold"), clock, Text(said, style="dim"))
        return grid
