"""Typed expressions to ONNX: each is a value tensor and a tensor that says where it is null."""

from __future__ import annotations

from compiler.features import emit_casts, emit_dates, emit_logic, emit_numbers, emit_text
from compiler.features.emit_core import Emit, Emitter
from compiler.features.onnx_graph import Graph

EMITTERS: dict[str, Emitter] = {
    **emit_casts.EMITTERS,
    **emit_dates.EMITTERS,
    **emit_logic.EMITTERS,
    **emit_numbers.EMITTERS,
    **emit_text.EMITTERS,
}
"""How each function of the table is emitted."""


def emitting(graph: Graph) -> Emit:
    """What emits typed expressions into this graph."""
    return Emit(graph, EMITTERS)
