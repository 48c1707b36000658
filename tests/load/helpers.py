"""What the tests of loading share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from compiler.diagnostics import Diagnostic, StackcError
from compiler.load.parse import parse
from compiler.load.text import Text, decode


def value_of(text: str | bytes) -> Any:
    return parse(decode(text if isinstance(text, bytes) else text.encode(), "stack.yaml"))


def findings_of(action: Callable[[], object]) -> tuple[Diagnostic, ...]:
    with pytest.raises(StackcError) as caught:
        action()
    for finding in caught.value.diagnostics:
        assert finding.span is not None, finding
    return caught.value.diagnostics


def finding_of(action: Callable[[], object]) -> tuple[str, str]:
    """The code and place of the only finding."""
    (finding,) = findings_of(action)
    assert finding.span is not None
    return finding.code.value, f"{finding.span.line}:{finding.span.column}"


def text_of(content: str) -> Text:
    return Text("stack.yaml", content)


def write(folder: Path, files: dict[str, str]) -> Path:
    """Write files and hand back the spec's path."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return folder / "stack.yaml"
