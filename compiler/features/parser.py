"""Text to tree: a precedence climber over the tokens, with DuckDB's precedences.

It is ours, and not sqlglot's, for three reasons: every node knows its place in
the text, nothing is normalised before it is typed, and hostile input meets a
bound on depth and length before any recursion does.
"""

from __future__ import annotations

from decimal import Decimal

from compiler.codes import Code
from compiler.features import tree as t
from compiler.features.cursor import Cursor, foreign, syntax
from compiler.features.lexer import Token, tokens
from compiler.features.problems import Refused
from compiler.features.tree import At, Call, Cast, Literal, Name, Tree
from compiler.features.words import (
    ALIASES,
    NOT_CALLED,
    OPERATORS,
    PART_NAMES,
    PARTS,
    RESERVED,
    TYPE_NAMES,
)

NESTING = 2 * t.MAX_NESTING + 10
"""How deep parentheses, calls and prefixes may stand in each other."""
_COMPARISONS = ("=", "<>", "<", "<=", ">", ">=")
_NUMBERS = ("integer", "decimal", "float")
_TODAY = ("current_date", "current_time", "current_timestamp", "localtime", "localtimestamp")


def parse(text: str) -> Tree:
    """The tree of an expression; raises Refused (E303, E305) at the first problem."""
    return _Parser(tokens(text)).whole()


class _Parser(Cursor):
    """Recursive descent; every method leaves the cursor behind what it has read."""

    def whole(self) -> Tree:
        found = self.expression(0)
        if self.at_word("over", "filter", "within"):
            raise foreign("a window or an aggregate", self.next.at)
        if self.next.kind != "end":
            raise self.unexpected("expected an operator or the end")
        levels, nesting = t.depth(found)
        if levels > t.MAX_LEVELS or nesting > t.MAX_NESTING:
            message = f"more than {t.MAX_NESTING} levels or a chain of more than {t.MAX_LEVELS}"
            raise syntax(message, At(0, 1), "split it, or compute it in the dataset's SQL")
        return found

    def expression(self, power: int) -> Tree:
        """What binds at least as tightly as ``power``."""
        self.nesting += 1
        if self.nesting > NESTING:
            message = f"more than {NESTING} expressions stand inside one another"
            raise syntax(message, self.next.at, "split it, or compute it in the dataset's SQL")
        left = self.prefix()
        while (longer := self.infix(left, power)) is not None:
            left = longer
        self.nesting -= 1
        return left

    # What stands before or alone.

    def prefix(self) -> Tree:
        token = self.next
        if token.kind == "word":
            return self.word()
        if token.kind == "number":
            return _number(self.take())
        if token.kind == "string":
            self.take()
            return Literal("string", token.text, token.at)
        if token.kind == "quoted":
            self.take()
            self.refuse_qualified(token)
            return Name(token.text, token.at)
        if self.at_operator("-", "+"):
            return self.sign()
        if self.at_operator("("):
            return self.parenthesis()
        if self.at_operator("*"):
            raise syntax("`*` is no value of one row", token.at, "name the columns")
        raise self.unexpected("expected a value")

    def sign(self) -> Tree:
        sign = self.take()
        operand = self.expression(t.MINUS_POWER)
        if sign.text == "+":
            return operand
        if isinstance(operand, Literal) and operand.kind in _NUMBERS:
            return Literal(operand.kind, _negative(operand.value), sign.at.to(operand.at))
        return Call("negate", (operand,), sign.at.to(operand.at), sign.at)

    def parenthesis(self) -> Tree:
        self.take()
        inner = self.expression(0)
        if self.at_operator(","):
            raise foreign("a row of several values", self.next.at)
        self.expect(")")
        return inner

    def word(self) -> Tree:
        token = self.take()
        word = token.text
        if word in ("null", "true", "false"):
            kind = "null" if word == "null" else "bool"
            return Literal(kind, {"null": None, "true": True, "false": False}[word], token.at)
        if word == "not":
            operand = self.expression(t.NOT_POWER)
            return Call("not", (operand,), token.at.to(operand.at), token.at)
        if word == "case":
            return self.case(token)
        if word in ("date", "timestamp", "timestamptz", "interval", "time"):
            if self.next.kind == "string":
                return self.typed_literal(token)
            if word == "interval":
                raise foreign("an interval", token.at)
        if word in _TODAY:
            raise foreign(f"`{word}`: a feature depends on its row only, and it", token.at)
        if word in ("select", "exists", "array", "lambda"):
            raise foreign("a subquery" if word in ("select", "exists") else f"`{word}`", token.at)
        if self.at_operator("("):
            return self.call(token)
        return self.column(token)

    def column(self, token: Token) -> Tree:
        if token.text in RESERVED:
            message = f"unexpected keyword `{token.raw}`: expected a value"
            raise syntax(message, token.at, f'write "{token.raw}" if it is a column')
        self.refuse_qualified(token)
        return Name(token.raw, token.at)

    def refuse_qualified(self, token: Token) -> None:
        if not self.at_operator("."):
            return
        self.take()
        column = self.take()
        message = f"`{token.raw}.{column.raw}` names a table; a feature sees the columns of one"
        raise syntax(message, token.at.to(column.at), f"write `{column.raw}`")

    def typed_literal(self, token: Token) -> Tree:
        value = self.take()
        if token.text not in ("date", "timestamp"):
            raise foreign(f"a literal of type `{token.text}`", token.at.to(value.at))
        return Literal(token.text, value.text, token.at.to(value.at))

    def case(self, head: Token) -> Tree:
        subject = () if self.at_word("when") else (self.expression(0),)
        branches: list[Tree] = []
        while self.at_word("when"):
            self.take()
            branches.append(self.expression(0))
            self.expect("then")
            branches.append(self.expression(0))
        if not branches:
            raise self.unexpected("expected `when`")
        otherwise: Tree = Literal("null", None, self.next.at)
        if self.at_word("else"):
            self.take()
            otherwise = self.expression(0)
        end = self.expect("end")
        name = "switch" if subject else "case"
        return Call(name, (*subject, *branches, otherwise), head.at.to(end.at), head.at)

    # Calls.

    def call(self, head: Token) -> Tree:
        self.take()
        if head.text in ("cast", "try_cast"):
            return self.cast(head)
        if head.text == "extract":
            return self.extract(head)
        arguments: list[Tree] = []
        if not self.at_operator(")"):
            arguments.append(self.argument(head))
            while self.at_operator(","):
                self.take()
                arguments.append(self.argument(head))
        if self.at_word("order"):
            raise foreign(f"the aggregate `{head.text}`", head.at)
        end = self.expect(")")
        if self.at_word("over", "filter", "within"):
            raise foreign(f"the window or aggregate `{head.text}`", head.at)
        return _named(head, tuple(arguments), head.at.to(end.at))

    def argument(self, head: Token) -> Tree:
        if self.at_operator("*") or self.at_word("distinct"):
            raise foreign(f"the aggregate `{head.text}`", head.at)
        return self.expression(0)

    def cast(self, head: Token) -> Tree:
        operand = self.expression(0)
        self.expect("as")
        target = self.type_name()
        end = self.expect(")")
        return Cast(operand, target, head.text == "try_cast", head.at.to(end.at))

    def type_name(self) -> str:
        token = self.next
        if token.kind != "word":
            raise self.unexpected("expected a type")
        self.take()
        word = token.text
        if word == "double" and self.at_word("precision"):
            self.take()
        elif word == "timestamp" and self.at_word("with"):
            for expected in ("with", "time", "zone"):
                self.expect(expected)
            word = "timestamptz"
        if word in ("decimal", "numeric", "dec", "hugeint", "uhugeint", "blob", "interval", "json"):
            problem = foreign(f"a cast to `{token.raw}`", token.at).problem
            raise Refused(problem.code, problem.message, token.at, "cast to double, or use round()")
        if word not in TYPE_NAMES:
            message = f"unknown type `{token.raw}`"
            known = "types: " + ", ".join(sorted(set(TYPE_NAMES.values())))
            raise syntax(message, token.at, known)
        return TYPE_NAMES[word]

    def extract(self, head: Token) -> Tree:
        part = self.take()
        if part.kind not in ("word", "string"):
            raise syntax("expected a part of a date", part.at, "write `extract(year from x)`")
        self.expect("from")
        operand = self.expression(0)
        end = self.expect(")")
        return Call(_part(part.text, part.at), (operand,), head.at.to(end.at), head.at)

    # What stands after a value.

    def infix(self, left: Tree, power: int) -> Tree | None:
        """The longer tree with what follows ``left``, or None when nothing binds so tightly."""
        token = self.next
        if token.kind == "operator":
            return self.operator(left, OPERATORS.get(token.text, token.text), power)
        if token.kind != "word":
            return None
        if token.text in ("and", "or"):
            return self.binary(left, token.text, power)
        if token.text in ("is", "isnull", "notnull"):
            return self.test(left) if power <= t.IS_POWER else None
        if token.text in ("in", "between", "like", "not", *_MATCHERS):
            return self.member(left) if power <= t.MEMBER_POWER else None
        if token.text in ("at", "collate"):
            raise foreign(f"`{token.text}`", token.at)
        return None

    def operator(self, left: Tree, operator: str, power: int) -> Tree | None:
        if operator in ("^", "**"):
            return self.power(left) if power <= t.POW_POWER else None
        if operator == "::":
            self.take()
            start = self.next.at
            return Cast(left, self.type_name(), False, left.at.to(start))
        if operator in t.BINARY:
            return self.binary(left, operator, power)
        return None

    def power(self, left: Tree) -> Tree:
        head = self.take()
        right = self.expression(t.POW_POWER + 1)
        return Call("pow", (left, right), left.at.to(right.at), head.at)

    def binary(self, left: Tree, operator: str, power: int) -> Tree | None:
        own = t.BINARY[operator]
        if own < power:
            return None
        head = self.take()
        right = self.expression(own + 1)
        following = OPERATORS.get(self.next.text, self.next.text)
        if operator in _COMPARISONS and following in _COMPARISONS:
            message = "comparisons cannot be chained"
            raise syntax(message, self.next.at, "write `a < b and b < c`")
        return Call(operator, (left, right), left.at.to(right.at), head.at)

    def test(self, left: Tree) -> Tree:
        head = self.take()
        negated = head.text == "notnull"
        if head.text == "is" and self.at_word("not"):
            self.take()
            negated = True
        what = self.tested if head.text == "is" else self.is_null
        found = what(left, head)
        return Call("not", (found,), found.at, head.at) if negated else found

    def tested(self, left: Tree, head: Token) -> Tree:
        word = self.next
        if self.at_word("null", "unknown", "true", "false"):
            self.take()
            return self.is_what(left, f"is {word.text}".replace("unknown", "null"), head)
        if self.at_word("distinct"):
            self.take()
            self.expect("from")
            right = self.expression(t.IS_POWER + 1)
            return Call("is distinct from", (left, right), left.at.to(right.at), head.at)
        raise self.unexpected("expected `null`, `true`, `false` or `distinct from`")

    def is_null(self, left: Tree, head: Token) -> Tree:
        return self.is_what(left, "is null", head)

    def is_what(self, left: Tree, name: str, head: Token) -> Tree:
        last = self.tokens[self.place - 1]
        return Call(name, (left,), left.at.to(last.at), head.at)

    def member(self, left: Tree) -> Tree:
        negated = self.at_word("not")
        if negated:
            self.take()
        head = self.next
        if head.text in _MATCHERS:
            raise foreign(f"`{head.text}`", head.at)
        if not self.at_word("in", "between", "like"):
            raise self.unexpected("expected `in`, `between` or `like`")
        self.take()
        found = getattr(self, f"member_{head.text}")(left, head)
        return Call("not", (found,), found.at, head.at) if negated else found

    def member_between(self, left: Tree, head: Token) -> Tree:
        low = self.expression(t.MEMBER_POWER + 1)
        self.expect("and")
        high = self.expression(t.MEMBER_POWER + 1)
        return Call("between", (left, low, high), left.at.to(high.at), head.at)

    def member_like(self, left: Tree, head: Token) -> Tree:
        pattern = self.expression(t.MEMBER_POWER + 1)
        if self.at_word("escape"):
            raise foreign("`like ... escape`", self.next.at)
        return Call("like", (left, pattern), left.at.to(pattern.at), head.at)

    def member_in(self, left: Tree, head: Token) -> Tree:
        if not self.at_operator("("):
            raise self.unexpected("expected `(`")
        self.take()
        values = [self.expression(0)]
        while self.at_operator(","):
            self.take()
            values.append(self.expression(0))
        end = self.expect(")")
        return Call("in", (left, *values), left.at.to(end.at), head.at)


_MATCHERS = ("ilike", "glob", "similar")


def _negative(value: object) -> int | float | Decimal:
    if isinstance(value, Decimal):
        return value.copy_negate() if value else value
    assert isinstance(value, int | float)
    return -value


def _number(token: Token) -> Literal:
    text = token.text.replace("_", "")
    if "e" in text or "E" in text:
        return Literal("float", float(text), token.at)
    if "." in text:
        value = Decimal(text).normalize()
        return Literal("decimal", value if value else Decimal(0), token.at)
    if len(text) > 40:
        raise syntax("this number has more than 40 digits", token.at, "write it as 1e50")
    return Literal("integer", int(text), token.at)


def _part(text: str, at: At) -> str:
    name = PART_NAMES.get(text.lower())
    if name is None:
        known = "parts: " + ", ".join(PARTS)
        raise Refused(Code.NOT_COMPILABLE, f"the part `{text}` cannot be compiled", at, known)
    return name


def _named(head: Token, arguments: tuple[Tree, ...], at: At) -> Tree:
    """A call by name, with other names and other forms of the same thing made one."""
    name = ALIASES.get(head.text, head.text)
    if name in NOT_CALLED or name in RESERVED:
        raise syntax(f"unexpected `{head.raw}`: expected a value", head.at)
    if name == "if" and len(arguments) == 3:
        name = "case"
    elif name == "mod" and len(arguments) == 2:
        name = "%"
    elif name == "date_part" and len(arguments) == 2:
        part = arguments[0]
        if not isinstance(part, Literal) or part.kind != "string":
            raise syntax("the part must be a string literal", part.at, "date_part('year', x)")
        return Call(_part(str(part.value), part.at), arguments[1:], at, head.at)
    return Call(name, arguments, at, head.at)
