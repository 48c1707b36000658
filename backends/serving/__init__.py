"""What a server of one model is: rows of JSON in, answers out, an application over HTTP.

Every backend that serves builds on this, so that a deployment answers alike
wherever it runs.
"""

RESERVED = frozenset(("healthz", "metrics", "openapi.json", "v2"))
"""Paths that no deployment can have."""
