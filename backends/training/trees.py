"""Tree ensembles as ONNX, split for split as the framework decides them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from backends.training.contract import INPUT, Builder
from backends.training.problem import Array
from compiler.codes import Code
from compiler.diagnostics import fail

MAX_NODES = 8_000_000
"""Beyond this an ensemble nears the 2 GB that one ONNX file can hold."""


class Tree(Struct, frozen=True):
    """One tree: node 0 is the root; leaves have ``left`` -1.

    ``threshold`` is float64 [nodes]; ``missing_left`` says where NaN goes;
    ``values`` is [nodes, K], read at leaves and added to the outputs that
    begin at ``output``.
    """

    left: Array
    right: Array
    feature: Array
    threshold: Array
    missing_left: Array
    values: Array
    output: int = 0


def round_down(threshold: Array) -> Array:
    """The largest float32 not above each float64, so ``x <= t`` keeps its answer for float32 x."""
    with np.errstate(over="ignore", under="ignore"):
        near = threshold.astype(np.float32)
        above = near.astype(np.float64) > threshold
        return np.where(above, np.nextafter(near, np.float32(-np.inf)), near)


def reachable(tree: Tree) -> Tree:
    """The tree without nodes that pruning left behind."""
    seen = np.zeros(len(tree.left), bool)
    level = np.array([0])
    while level.size:
        seen[level] = True
        inner = level[tree.left[level] >= 0]
        level = np.concatenate([tree.left[inner], tree.right[inner]])
    if seen.all():
        return tree
    number = np.cumsum(seen) - 1
    leaf = tree.left[seen] < 0
    left = np.where(leaf, -1, number[tree.left[seen]])
    right = np.where(leaf, -1, number[tree.right[seen]])
    return Tree(
        left,
        right,
        tree.feature[seen],
        tree.threshold[seen],
        tree.missing_left[seen],
        tree.values[seen],
        tree.output,
    )


def ensemble(builder: Builder, trees: Sequence[Tree], base: Array, *, strict: bool = False) -> str:
    """The sum of trees and ``base`` [K], as float32 [N, K].

    ``strict``: a row goes left when ``x < t`` and the thresholds are float32
    already; otherwise when ``x <= t``.

    Raises:
        StackcError: The ensemble is too large for one file (E713).
    """
    total = sum(len(tree.left) for tree in trees)
    if total > MAX_NODES:
        raise fail(
            Code.TRAINING_FAILED,
            f"the fitted trees have {total:,} nodes, more than the {MAX_NODES:,} one model holds",
            help="limit the trees: a smaller `max_depth`, a larger `min_samples_leaf`,"
            " or fewer `n_estimators`",
        )
    sizes = [len(tree.left) for tree in trees]
    leaf = np.concatenate([tree.left < 0 for tree in trees])
    values = np.concatenate([tree.threshold for tree in trees])
    thresholds = np.where(leaf, 0.0, values if strict else round_down(values))
    return builder.add(
        "TreeEnsembleRegressor",
        INPUT,
        domain="ai.onnx.ml",
        n_targets=len(base),
        base_values=base.astype(np.float32).tolist(),
        nodes_treeids=np.repeat(np.arange(len(trees)), sizes).tolist(),
        nodes_nodeids=np.concatenate([np.arange(size) for size in sizes]).tolist(),
        nodes_modes=np.where(leaf, "LEAF", "BRANCH_LT" if strict else "BRANCH_LEQ").tolist(),
        nodes_featureids=_inner(leaf, [tree.feature for tree in trees]),
        nodes_values=thresholds.astype(np.float32).tolist(),
        nodes_truenodeids=_inner(leaf, [tree.left for tree in trees]),
        nodes_falsenodeids=_inner(leaf, [tree.right for tree in trees]),
        nodes_missing_value_tracks_true=_inner(leaf, [tree.missing_left for tree in trees]),
        **_leaves(trees),
    )


def _inner(leaf: Array, parts: Sequence[Array]) -> list[int]:
    joined: list[int] = np.where(leaf, 0, np.concatenate(parts)).astype(np.int64).tolist()
    return joined


def _leaves(trees: Sequence[Tree]) -> dict[str, list[float]]:
    tree_ids, node_ids, targets, weights = [], [], [], []
    for number, tree in enumerate(trees):
        at = np.flatnonzero(tree.left < 0)
        values = tree.values[at]
        # One entry must stay for a leaf of zeros: it is still where rows end.
        keep = values != 0
        keep[~keep.any(axis=1), 0] = True
        row, column = np.nonzero(keep)
        tree_ids.append(np.full(len(row), number))
        node_ids.append(at[row])
        targets.append(column + tree.output)
        weights.append(values[row, column])
    with np.errstate(over="ignore"):
        # A diverged fit has leaves beyond float32; comparing the predictions will say so.
        rounded = np.concatenate(weights).astype(np.float32)
    return {
        "target_treeids": np.concatenate(tree_ids).tolist(),
        "target_nodeids": np.concatenate(node_ids).tolist(),
        "target_ids": np.concatenate(targets).tolist(),
        "target_weights": rounded.tolist(),
    }


def probes(trees: Sequence[Tree], limit: int = 500) -> tuple[Array, Array]:
    """Up to ``limit`` (feature, threshold) pairs spread over the ensemble."""
    inner = [tree.left >= 0 for tree in trees]
    feature = np.concatenate([t.feature[at] for t, at in zip(trees, inner, strict=True)])
    value = np.concatenate([t.threshold[at] for t, at in zip(trees, inner, strict=True)])
    pick = np.unique(np.linspace(0, max(len(feature) - 1, 0), limit).astype(int))
    pick = pick[pick < len(feature)]
    return feature[pick].astype(np.int64), value[pick].astype(np.float64)
