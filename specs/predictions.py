"""Predictions: a model over a table, into a versioned table."""

from __future__ import annotations

from pydantic import Field

from specs.base import Block, ColumnName, Items, Name


class Prediction(Block):
    """Score every row of a source or dataset with a registered model."""

    model: Name = Field(description="A model of this spec.")
    table: Name = Field(description="A source or a dataset that has the model's raw columns.")
    keep: Items[ColumnName] | None = Field(
        default=None,
        description="Columns that stand beside the predictions; all when left out.",
    )
