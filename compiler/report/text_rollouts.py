"""How rollouts stand, as text and as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from compiler.engine.rollouts import Rolling
from compiler.report.text_style import Style, Tone, visible

_TONES: dict[bool | None, Tone] = {None: "accent", True: "good", False: "warning"}


def rollout_lines(found: Sequence[Rolling], style: Style) -> list[str]:
    """A line for each."""
    return [
        f"{visible(one.block)}: {style.paint(visible(one.text), _TONES[one.promoted])}"
        for one in found
    ]


def rollout_document(found: Sequence[Rolling]) -> dict[str, Any]:
    """The same as plain data: ``promoted`` is null while one goes on."""
    return {one.block: {"text": one.text, "promoted": one.promoted} for one in found}
