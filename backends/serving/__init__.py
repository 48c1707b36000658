"""What a server of one model is: rows of JSON in, answers out, an application over HTTP.

Every backend that serves builds on this, so that a deployment answers alike
wherever it runs.
"""

from compiler.backend import Refusal

RESERVED = frozenset(("healthz", "metrics", "openapi.json", "v2"))
"""Paths that no deployment can have."""

NO_RESERVED_NAME = Refusal(
    "name",
    lambda asked: asked.removeprefix("deployments.") in RESERVED,
    f"call it otherwise: the server answers at {', '.join(sorted(RESERVED))} itself",
)
"""A deployment of such a name cannot be asked."""
