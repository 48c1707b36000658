"""References to secrets: named in a spec, kept elsewhere."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

_REFERENCE = r"^\$\{secret:[A-Za-z_][A-Za-z0-9_]{0,127}\}$"


def _named(text: str) -> str:
    if not re.fullmatch(_REFERENCE, text):
        raise ValueError("a secret is named here and kept elsewhere: `${secret:NAME}`")
    return text


SecretReference = Annotated[
    str,
    AfterValidator(_named),
    Field(
        json_schema_extra={"pattern": _REFERENCE},
        description="A secret by its name, never the value: `${secret:NAME}`.",
        examples=["${secret:LATE_API_KEY}"],
    ),
]
