"""A place among tokens, and what the parser asks of it."""

from __future__ import annotations

from compiler.codes import Code
from compiler.features.lexer import Token
from compiler.features.problems import Refused
from compiler.features.tree import At


def syntax(message: str, at: At, help: str = "") -> Refused:
    """An E303."""
    return Refused(Code.EXPRESSION_SYNTAX, message, at, help or ())


def foreign(what: str, at: At) -> Refused:
    """An E305, with the dataset's SQL as the way out."""
    return Refused(Code.NOT_COMPILABLE, f"{what} cannot be compiled into a model", at)


class Cursor:
    """State of one parse: the tokens, the place among them, the nesting."""

    def __init__(self, found: list[Token]) -> None:
        self.tokens = found
        self.place = 0
        self.nesting = 0

    @property
    def next(self) -> Token:
        """The token that is read next."""
        return self.tokens[self.place]

    def take(self) -> Token:
        """Read one token."""
        token = self.next
        self.place += 1
        return token

    def at_word(self, *words: str) -> bool:
        """Whether one of these words is next."""
        return self.next.kind == "word" and self.next.text in words

    def at_operator(self, *operators: str) -> bool:
        """Whether one of these operators is next."""
        return self.next.kind == "operator" and self.next.text in operators

    def expect(self, text: str) -> Token:
        """Read this word or operator, or refuse what is there."""
        token = self.next
        if token.kind not in ("word", "operator") or token.text != text:
            raise self.unexpected(f"expected `{text}`")
        return self.take()

    def unexpected(self, wanted: str) -> Refused:
        """What is wrong with the next token."""
        token = self.next
        if token.kind == "end":
            return syntax(f"the expression ends too early: {wanted}", token.at)
        if token.kind == "word" and token.text == "select":
            return foreign("a subquery", token.at)
        return syntax(f"unexpected `{token.raw[:40]}`: {wanted}", token.at)
