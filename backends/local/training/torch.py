"""PyTorch: a tabular network with a learnt vector for each category (Guo and Berkhahn, 2016)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from msgspec import Struct
from torch import Tensor, nn

from backends.local.training.contract import INPUT, Builder, from_margins
from backends.local.training.layers import affine
from backends.local.training.problem import Array, Fitted, Floats, Part, Problem
from backends.local.training.sklearn import timed
from specs.algorithms import TorchMlp

_ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "logistic": nn.Sigmoid,
}
_LONGEST = 32
"""Numbers in a category's vector, where the spec sets none."""


class Network(nn.Module):
    """Embeddings beside numbers, hidden layers, raw scores.

    ``categories``: for each column of the matrix how many codes it has; 0 for
    a number.
    """

    def __init__(self, algorithm: TorchMlp, categories: tuple[int, ...], margins: int) -> None:
        super().__init__()
        self.coded = [at for at, count in enumerate(categories) if count]
        self.numbers = [at for at, count in enumerate(categories) if not count]
        sizes = [_size(algorithm, categories[at]) for at in self.coded]
        self.embeddings = nn.ModuleList(
            nn.Embedding(categories[at], size) for at, size in zip(self.coded, sizes, strict=True)
        )
        widths = [len(self.numbers) + sum(sizes), *algorithm.hidden_layers, margins]
        self.layers = nn.ModuleList(nn.Linear(left, right) for left, right in pairwise(widths))
        self.activation = _ACTIVATIONS[algorithm.activation]()
        self.dropout = nn.Dropout(algorithm.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Raw scores ``[N, margins]`` of a matrix ``[N, F]``."""
        parts = [x[:, self.numbers]] if self.numbers else []
        parts += [
            embedding(x[:, at].long())
            for at, embedding in zip(self.coded, self.embeddings, strict=True)
        ]
        value = torch.cat(parts, dim=1)
        for number, layer in enumerate(self.layers):
            if number:
                value = self.dropout(self.activation(value))
            value = layer(value)
        found: Tensor = value
        return found


class Scale(Struct, frozen=True):
    """What a regression's target is shifted and divided by while it is learnt."""

    shift: float = 0.0
    width: float = 1.0

    @classmethod
    def of(cls, problem: Problem) -> Scale:
        """From the training rows; nothing changes for classes."""
        if not problem.regression:
            return cls()
        y = problem.train.y
        return cls(float(np.mean(y)), float(np.std(y)) or 1.0)


def fit(algorithm: TorchMlp, problem: Problem) -> Fitted:
    """AdamW over mini-batches, one thread, so that equal seeds give equal weights."""
    torch.set_num_threads(1)
    torch.manual_seed(problem.seed)
    scale = Scale.of(problem)
    network = Network(algorithm, problem.codes, problem.margins)
    curve: dict[str, list[float]] = {}
    seconds = timed(lambda: curve.update(learn(network, algorithm, problem, scale)))
    rounds = len(next(iter(curve.values())))
    return fitted(network, algorithm, problem, scale, seconds, rounds, curve)


def learn(
    network: nn.Module, algorithm: TorchMlp, problem: Problem, scale: Scale
) -> dict[str, list[float]]:
    """Fit the weights in place; the curves, one value an epoch.

    With a validation part the weights of the best epoch are kept.
    """
    part = tensors(problem.train, problem, scale)
    watched = tensors(problem.validation, problem, scale) if problem.validation else None
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=algorithm.learning_rate, weight_decay=algorithm.weight_decay
    )
    random = torch.Generator().manual_seed(problem.seed)
    losses: list[float] = []
    seen: list[float] = []
    best: dict[str, Any] = {}
    for _ in range(algorithm.max_epochs):
        losses.append(epoch(network, optimizer, part, algorithm.batch_size, random, problem))
        if watched is None or problem.patience is None:
            continue
        seen.append(loss_of(network, watched, problem))
        if seen[-1] == min(seen):
            best = {name: value.clone() for name, value in network.state_dict().items()}
        if len(seen) - 1 - int(np.argmin(seen)) >= problem.patience:
            break
    if best:
        network.load_state_dict(best)
    name = "squared_error" if problem.regression else "log_loss"
    return {f"train_{name}": losses} | ({f"validation_{name}": seen} if seen else {})


Rows = tuple[Tensor, Tensor, Tensor | None]


def tensors(part: Part, problem: Problem, scale: Scale) -> Rows:
    """A part as tensors: the matrix, the standardised target, the weights."""
    y = (part.y - scale.shift) / scale.width if problem.regression else part.y
    kind = np.int64 if problem.margins > 1 else np.float32
    weight = None if part.weight is None else torch.from_numpy(part.weight.astype(np.float32))
    return torch.from_numpy(part.x), torch.from_numpy(y.astype(kind)), weight


def epoch(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    part: Rows,
    batch_size: int,
    random: torch.Generator,
    problem: Problem,
) -> float:
    """One pass over the rows in a new order; the mean loss."""
    network.train()
    x, y, weight = part
    order = torch.randperm(len(x), generator=random)
    total = 0.0
    for start in range(0, len(x), batch_size):
        pick = order[start : start + batch_size]
        batch = (x[pick], y[pick], None if weight is None else weight[pick])
        optimizer.zero_grad()
        loss = _loss(network, batch, problem)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        total += float(loss.detach()) * len(pick)
    return total / len(x)


def loss_of(network: nn.Module, part: Rows, problem: Problem) -> float:
    """The loss over a part, nothing learnt from it."""
    network.eval()
    with torch.no_grad():
        return float(_loss(network, part, problem))


def _loss(network: nn.Module, rows: Rows, problem: Problem) -> Tensor:
    x, y, weight = rows
    scores = network(x)
    if problem.margins > 1:
        each = nn.functional.cross_entropy(scores, y, reduction="none")
    elif problem.regression:
        each = (scores[:, 0] - y) ** 2
    else:
        each = nn.functional.binary_cross_entropy_with_logits(scores[:, 0], y, reduction="none")
    if weight is None:
        return each.mean()
    return (each * weight).sum() / weight.sum()


def fitted(
    network: Network,
    algorithm: TorchMlp,
    problem: Problem,
    scale: Scale,
    seconds: float,
    rounds: int,
    curve: dict[str, list[float]],
) -> Fitted:
    """The network as ONNX, in double precision, and as it predicts itself."""
    exact = network.double().eval()
    return Fitted(
        model=_converted(exact, algorithm, problem, scale),
        predict=lambda x: _predict(exact, x, problem, scale),
        seconds=seconds,
        rounds=rounds,
        curve=curve,
    )


def _converted(network: Network, algorithm: TorchMlp, problem: Problem, scale: Scale) -> Any:
    builder = Builder()
    parts = []
    if network.numbers:
        numbers = builder.constant(np.array(network.numbers, np.int64))
        parts.append(builder.double(builder.add("Gather", INPUT, numbers, axis=1)))
    for at, embedding in zip(network.coded, network.embeddings, strict=True):
        column = builder.add("Gather", INPUT, builder.constant(np.array(at, np.int64)), axis=1)
        code = builder.add("Cast", column, to=7)
        parts.append(builder.add("Gather", builder.constant(_array(embedding.weight)), code))
    start = builder.add("Concat", *parts, axis=1) if len(parts) > 1 else parts[0]
    layers = [(_array(layer.weight).T, _array(layer.bias)) for layer in network.layers]
    weights, bias = layers[-1]
    layers[-1] = (weights * scale.width, bias * scale.width + scale.shift)
    margins = affine(builder, layers, algorithm.activation, start)
    return from_margins(builder, margins, problem.classes, problem.train.x.shape[1])


def _array(tensor: Any) -> Array:
    found: Array = tensor.detach().numpy()
    return found


def _predict(network: Network, x: Floats, problem: Problem, scale: Scale) -> Array:
    with torch.no_grad():
        scores = network(torch.from_numpy(x.astype(np.float64)))
        if problem.regression:
            return _array(scores[:, 0]) * scale.width + scale.shift
        if problem.margins > 1:
            return _array(torch.softmax(scores, dim=1))
        return _array(torch.sigmoid(torch.cat([-scores, scores], dim=1)))


def _size(algorithm: TorchMlp, codes: int) -> int:
    return algorithm.embedding_size or max(1, min(_LONGEST, (codes + 1) // 2))
