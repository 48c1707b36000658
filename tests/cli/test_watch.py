"""``stackc compile --watch``: again at each change, until it is interrupted."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.house.cli import PLAIN, ROOT, command, stackc

SPEC = """\
defaults:
  - size: small
  - _self_
stackc: 1
name: shop
sources:
  orders:
    path: orders.csv
    columns: {id: int64}
"""
GROUP = "# @package _global_\ndescription: A shop.\n"


class Watch:
    """A compile that watches, and what it says line by line."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            command("compile", "stack.yaml", "--watch"),
            cwd=folder,
            env={**os.environ, **PLAIN, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self._lines.put(line)
        self._lines.put("it has ended: waiting for a change")

    def answer(self) -> str:
        """What it says until it waits again."""
        said = ""
        while "waiting for a change" not in said:
            said += self._lines.get(timeout=60)
        return said

    def silent(self) -> bool:
        """Whether it has nothing to say for a while."""
        time.sleep(1)
        return self._lines.empty()

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=20)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "stack.yaml").write_text(SPEC, "utf-8")
    (tmp_path / "conf" / "size").mkdir(parents=True)
    (tmp_path / "conf" / "size" / "small.yaml").write_text(GROUP, "utf-8")
    return tmp_path


@pytest.fixture
def watching(shop: Path) -> Iterator[Callable[[], Watch]]:
    begun: list[Watch] = []

    def begin() -> Watch:
        begun.append(Watch(shop))
        return begun[-1]

    yield begin
    for watch in begun:
        watch.process.kill()
        watch.process.wait()
        watch._reader.join()


def test_each_change_is_answered(shop: Path, watching: Callable[[], Watch]) -> None:
    spec, group = shop / "stack.yaml", shop / "conf" / "size" / "small.yaml"
    watch = watching()
    assert "sources.orders" in watch.answer()
    spec.write_text(SPEC.replace("int64", "int46"), "utf-8")
    assert "error[" in watch.answer()
    spec.write_text(SPEC, "utf-8")
    assert "error[" not in watch.answer()
    group.write_text(GROUP.replace("description", "descripton"), "utf-8")
    assert "error[E120]" in watch.answer()
    group.write_text(GROUP, "utf-8")
    assert "error[" not in watch.answer()
    (shop / "stackc.lock").write_text("sources: {}\n", "utf-8")
    assert "error[" not in watch.answer()
    assert watch.silent()
    assert watch.end() == 130


def test_an_editor_that_moves_files_about(shop: Path, watching: Callable[[], Watch]) -> None:
    spec, aside = shop / "stack.yaml", shop / "stack.yaml~"
    watch = watching()
    watch.answer()
    spec.rename(aside)
    time.sleep(0.7)
    spec.write_text(SPEC.replace("orders:", "later:"), "utf-8")
    said = watch.answer()
    assert "sources.later" in said
    assert "E105" not in said
    spec.unlink()
    assert "error[E105]" in watch.answer()
    aside.rename(spec)
    assert "sources.orders" in watch.answer()
    assert watch.end() == 130


def test_what_a_compile_infers_is_no_change(shop: Path, watching: Callable[[], Watch]) -> None:
    (shop / "orders.csv").write_text("id,amount\n1,2.5\n", "utf-8")
    (shop / "stack.yaml").write_text(SPEC.replace("    columns: {id: int64}\n", ""), "utf-8")
    watch = watching()
    assert "W301" in watch.answer()
    assert (shop / "stackc.lock").exists()
    assert watch.silent()
    assert watch.end() == 130


def test_a_program_is_not_shown_it(shop: Path) -> None:
    answer = stackc("compile", "stack.yaml", "--watch", "--format", "json", cwd=shop)
    assert answer.code == 2
    assert "--watch" in answer.err
