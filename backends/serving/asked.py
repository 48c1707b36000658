"""Our own protocol: rows that are objects of columns, predictions row for row."""

from __future__ import annotations

import logging
from typing import Any

from backends.serving.deployed import Deployed
from backends.serving.replies import Failure, Reply, dumps, loads
from backends.serving.rows import Problem, Refused, Rows

_LOG = logging.getLogger(__name__)


def ask(name: str, deployed: Deployed, body: bytes) -> Reply:
    """Answer ``{"rows": [{...}]}`` or one row by itself; raises Failure."""
    rows = _rows(loads(body))
    check_count(len(rows), deployed)
    try:
        read = deployed.model.parse(rows)
    except Refused as refused:
        raise refusal(refused) from None
    found = answered(deployed, read)
    said = {"deployment": name, "revision": deployed.revision, "predictions": found}
    return Reply(200, dumps(said), rows=len(found))


def _rows(asked: Any) -> list[Any]:
    """The rows of a body. A column named ``rows`` is no list, so the two are never confused."""
    if not isinstance(asked, dict):
        raise Failure(422, 'the body must be {"rows": [{...}, ...]} or one row of columns {...}')
    rows = asked.get("rows")
    if not isinstance(rows, list):
        return [asked]
    if len(asked) > 1:
        other = next(key for key in asked if key != "rows")
        problem = Problem(None, other[:100], "only `rows` may stand beside the rows")
        raise Failure(422, "the body has more than its rows", [problem])
    return rows


def check_count(count: int, deployed: Deployed) -> None:
    """Raises Failure (413) where there are more rows than one request may have."""
    most = deployed.limits.rows
    if count > most:
        raise Failure(413, f"{count} rows are more than the {most} that one request may have")


def refusal(refused: Refused) -> Failure:
    """Rows that the model does not take, as 422."""
    return Failure(422, "the model does not take these rows", refused.problems)


def answered(deployed: Deployed, rows: Rows) -> list[dict[str, Any]]:
    """Predict, and tell who observes. That observing fails is no matter of who asked."""
    if not rows.count:
        return []
    scores = deployed.model.score(rows)
    found = deployed.model.said(scores)
    if deployed.observe is not None:
        try:
            deployed.observe(rows, found, scores)
        except Exception:
            _LOG.exception("a request was answered and could not be recorded")
    return found
