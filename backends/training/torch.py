"""PyTorch: a tabular network with a learnt vector for each category (Guo and Berkhahn, 2016)."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from msgspec import Struct, field
from torch import Tensor, nn

from backends.training.contract import INPUT, Builder, from_margins
from backends.training.crew import ALONE, Crew, Learnt, rested
from backends.training.layers import affine
from backends.training.problem import Array, Fitted, Floats, Part, Problem
from specs.algorithms import TorchMlp

_ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "logistic": nn.Sigmoid,
}
_RUN = "run.pt"
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
        self.activation_name: str = algorithm.activation
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
    started = time.perf_counter()
    learnt = learn(algorithm, problem, ALONE)
    return fitted(learnt, problem, time.perf_counter() - started)


def learn(algorithm: TorchMlp, problem: Problem, crew: Crew) -> Learnt:
    """The network and its curves, one value an epoch.

    Each member of a crew takes its share of every batch, and the gradients are
    those of the whole batch. With a validation part the weights of the best
    epoch are kept.
    """
    torch.set_num_threads(1)
    torch.manual_seed(problem.seed)
    network = Network(algorithm, problem.codes, problem.margins)
    run = Run.begun(network, algorithm, crew)
    scale = Scale.of(problem)
    part = tensors(problem.train, problem, scale)
    watched = tensors(problem.validation, problem, scale) if problem.validation else None
    while len(run.losses) < algorithm.max_epochs and not rested(run.seen, problem.patience):
        run.losses.append(epoch(run, part, algorithm.batch_size, problem, crew))
        if watched is not None and problem.patience is not None:
            run.watch(loss_of(run.network, watched, problem, crew))
        crew.keep(len(run.losses), run.write)
    if run.best:
        run.network.load_state_dict(run.best)
    name = "squared_error" if problem.regression else "log_loss"
    curve = {f"train_{name}": run.losses}
    return Learnt(network, curve | ({f"validation_{name}": run.seen} if run.seen else {}))


class Run(Struct):
    """A fit on its way: what goes on from a checkpoint.

    Attributes:
        network: What is fitted, joined to those of the crew's other members.
        optimizer: What moves its weights.
        losses: Of each epoch, on the training rows.
        seen: Of each epoch, on the validation part.
        best: The weights of the best epoch; empty where none is watched.
    """

    network: nn.Module
    optimizer: torch.optim.Optimizer
    losses: list[float] = field(default_factory=list)
    seen: list[float] = field(default_factory=list)
    best: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def begun(cls, network: nn.Module, algorithm: TorchMlp, crew: Crew) -> Run:
        """From the start, or from what the crew has kept."""
        joined = nn.parallel.DistributedDataParallel(network) if crew.size > 1 else network
        optimizer = torch.optim.AdamW(
            joined.parameters(), lr=algorithm.learning_rate, weight_decay=algorithm.weight_decay
        )
        kept = crew.kept()
        if kept is None:
            return cls(joined, optimizer)
        found = torch.load(kept / _RUN, weights_only=True)
        joined.load_state_dict(found["network"])
        optimizer.load_state_dict(found["optimizer"])
        return cls(joined, optimizer, found["losses"], found["seen"], found["best"])

    def watch(self, loss: float) -> None:
        """Note an epoch's loss on the validation part, and its weights when it is the best."""
        self.seen.append(loss)
        if loss == min(self.seen):
            self.best = {name: value.clone() for name, value in self.network.state_dict().items()}

    def write(self, folder: Path) -> None:
        """All of it to a folder."""
        kept = {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "losses": self.losses,
            "seen": self.seen,
            "best": self.best,
        }
        torch.save(kept, folder / _RUN)


Rows = tuple[Tensor, Tensor, Tensor | None]


def tensors(part: Part, problem: Problem, scale: Scale) -> Rows:
    """A part as tensors: the matrix, the standardised target, the weights."""
    y = (part.y - scale.shift) / scale.width if problem.regression else part.y
    kind = np.int64 if problem.margins > 1 else np.float32
    weight = None if part.weight is None else torch.from_numpy(part.weight.astype(np.float32))
    return torch.from_numpy(part.x), torch.from_numpy(y.astype(kind)), weight


def epoch(run: Run, part: Rows, batch_size: int, problem: Problem, crew: Crew) -> float:
    """One pass over the rows in a new order; the mean loss.

    An epoch's randomness follows from the seed and its number, so a fit that
    goes on is the fit that was never cut off.
    """
    run.network.train()
    x = part[0]
    number = len(run.losses)
    order = torch.randperm(len(x), generator=_generator(problem.seed, number))
    torch.manual_seed(_seed(problem.seed, number, crew.rank))
    total = 0.0
    for start in range(0, len(x), batch_size):
        pick = order[start : start + batch_size]
        run.optimizer.zero_grad()
        loss = _share(run.network, part, pick, problem, crew)
        # Gradients of a crew are averaged; its loss is a sum of shares.
        (loss * crew.size).backward()  # type: ignore[no-untyped-call]
        run.optimizer.step()
        total += float(loss.detach()) * len(pick)
    return _summed(total, crew) / len(x)


def loss_of(network: nn.Module, part: Rows, problem: Problem, crew: Crew) -> float:
    """The loss over a part, nothing learnt from it."""
    network.eval()
    with torch.no_grad():
        rows = torch.arange(len(part[0]))
        return _summed(float(_share(network, part, rows, problem, crew)), crew)


def _share(network: nn.Module, part: Rows, pick: Tensor, problem: Problem, crew: Crew) -> Tensor:
    """What this member's rows add to the mean loss over the rows of ``pick``."""
    x, y, weight = part
    mine = pick[crew.rank :: crew.size]
    scores, wanted = network(x[mine]), y[mine]
    if problem.margins > 1:
        each = nn.functional.cross_entropy(scores, wanted, reduction="none")
    elif problem.regression:
        each = (scores[:, 0] - wanted) ** 2
    else:
        each = nn.functional.binary_cross_entropy_with_logits(
            scores[:, 0], wanted, reduction="none"
        )
    if weight is None:
        return each.sum() / len(pick)
    return (each * weight[mine]).sum() / weight[pick].sum()


def _summed(value: float, crew: Crew) -> float:
    """The sum over the crew, the same for all its members."""
    if crew.size == 1:
        return value
    found = torch.tensor(value, dtype=torch.float64)
    torch.distributed.all_reduce(found)
    return float(found)


def _seed(*numbers: int) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint32)[0])


def _generator(*numbers: int) -> torch.Generator:
    return torch.Generator().manual_seed(_seed(*numbers))


def fitted(learnt: Learnt, problem: Problem, seconds: float) -> Fitted:
    """The network as ONNX, in double precision, and as it predicts itself."""
    exact, scale = learnt.model.double().eval(), Scale.of(problem)
    return Fitted(
        model=_converted(exact, problem, scale),
        predict=lambda x: _predict(exact, x, problem, scale),
        seconds=seconds,
        rounds=len(next(iter(learnt.curve.values()))),
        curve=learnt.curve,
    )


def _converted(network: Network, problem: Problem, scale: Scale) -> Any:
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
    margins = affine(builder, layers, network.activation_name, start)
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
