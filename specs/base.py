"""What every block and value of the language has in common."""

from __future__ import annotations

from typing import Annotated, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field

NAME = r"^[a-z][a-z0-9_]*$"

Name: TypeAlias = Annotated[
    str,
    Field(pattern=NAME, max_length=63, description="Lower-case letters, digits, underscores."),
]
"""A block's name: usable as a table name in SQL without quotes."""

ColumnName: TypeAlias = Annotated[str, Field(min_length=1, max_length=255)]
SqlText: TypeAlias = Annotated[str, Field(min_length=1, max_length=200_000)]
Expression: TypeAlias = Annotated[str, Field(min_length=1, max_length=20_000)]
Number: TypeAlias = int | float
Duration: TypeAlias = Annotated[
    str,
    Field(pattern=r"^\d{1,9}(s|m|h|d|w)$", description="A number and s, m, h, d or w: `24h`."),
]
Value: TypeAlias = bool | int | float | str


T = TypeVar("T")
Items: TypeAlias = Annotated[tuple[T, ...], Field(strict=False)]
"""A list in YAML, a tuple here: the models are strict, and this is where a list may come in."""


class Spec(BaseModel):
    """A value of the language: frozen and closed, so an unknown key is an error."""

    # Built when the whole spec is first validated, once: importing the language stays cheap.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


class Block(Spec):
    """What every named block may say for its readers; none of it changes what runs."""

    description: str | None = Field(default=None, description="What this is, in a sentence.")
    owner: str | None = Field(default=None, description="Who answers for it: a team or a person.")
    tags: Items[str] = Field(default=(), description="Free words to find it by.")


_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def seconds_of(duration: str) -> int:
    """A duration of the language in seconds."""
    return int(duration[:-1]) * _SECONDS[duration[-1]]


def one_of(values: dict[str, object], *names: str) -> str:
    """The one of ``names`` that is given; ValueError when none or several are."""
    given = [name for name in names if values.get(name) is not None]
    if len(given) != 1:
        listed = ", ".join(f"`{name}`" for name in names)
        found = " and ".join(f"`{name}`" for name in given) or "none"
        raise ValueError(f"give exactly one of {listed} (found {found})")
    return given[0]
