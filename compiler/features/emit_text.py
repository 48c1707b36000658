"""Functions of strings."""

from __future__ import annotations

import re
from functools import reduce

from compiler.features.bound import Bound
from compiler.features.emit_core import Emit, Emitter, Value, propagated
from compiler.features.onnx_graph import BOOL, TEXT

_SHAPES = {"starts_with": "{}.*", "ends_with": ".*{}", "contains": ".*{}.*"}


def pattern(emit: Emit, node: Bound, arguments: tuple[Value, ...]) -> Value:
    """``like`` and its kin, as one match of the whole string."""
    subject, wanted = arguments
    null = propagated(emit, subject, wanted)
    text = str(node.arguments[1].value or "")
    expression = _like(text) if node.op == "like" else _SHAPES[node.op].format(escaped(text))
    if node.op == "like" and not set("%_") & set(text):
        constant = emit.graph.constant(text, TEXT)
        return Value(emit.test("Equal", subject.tensor, constant), null)
    if not expression.replace(".*", ""):
        return Value(emit.true, null)
    whole = f"(?s){expression}"
    return Value(emit.graph.node("RegexFullMatch", [subject.tensor], BOOL, pattern=whole), null)


def _like(text: str) -> str:
    wild = {"%": ".*", "_": "."}
    parts = re.split("([%_])", text)
    return "".join(wild.get(part) or escaped(part) for part in parts)


def escaped(text: str) -> str:
    """The text as a regular expression of RE2 that matches it only."""
    return "".join(c if c.isalnum() or ord(c) > 127 else f"\\x{{{ord(c):x}}}" for c in text)


def joined(emit: Emit, _node: Bound, arguments: tuple[Value, ...]) -> Value:
    """``||``."""
    left, right = arguments
    return Value(emit.op("StringConcat", left.tensor, right.tensor), propagated(emit, left, right))


def concat(emit: Emit, _node: Bound, arguments: tuple[Value, ...]) -> Value:
    """``concat``: nulls are passed over."""
    blank = emit.graph.constant("", TEXT)
    texts = [
        value.tensor if value.null is None else emit.choose(value.null, blank, value.tensor)
        for value in arguments
    ]
    return Value(reduce(lambda left, right: emit.op("StringConcat", left, right), texts))


EMITTERS: dict[str, Emitter] = {
    **dict.fromkeys(("like", "starts_with", "ends_with", "contains"), pattern),
    "||": joined,
    "concat": concat,
}
"""Functions of strings."""
