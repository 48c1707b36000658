"""How likely a difference is by chance alone: chi-square and Kolmogorov-Smirnov tail areas.

A few lines of arithmetic, so that a comparison needs no scientific stack.
"""

from __future__ import annotations

import math


def chi_square_tail(statistic: float, freedom: int) -> float:
    """Probability that a chi-square variable of ``freedom`` degrees is at least ``statistic``."""
    if freedom < 1 or statistic <= 0:
        return 1.0
    if math.isinf(statistic):
        return 0.0
    shape, x = freedom / 2, statistic / 2
    scale = math.exp(-x + shape * math.log(x) - math.lgamma(shape))
    if x < shape + 1:
        return max(0.0, 1.0 - scale * _series(shape, x))
    return min(1.0, scale * _fraction(shape, x))


def kolmogorov_tail(distance: float, reference: float, current: float) -> float:
    """Probability of a two-sample KS ``distance`` at least this large from equal populations.

    ``reference`` and ``current`` are the samples' rows. Asymptotic, with
    Stephens' correction for small samples.
    """
    effective = math.sqrt(reference * current / (reference + current))
    x = (effective + 0.12 + 0.11 / effective) * distance
    if x < 0.2:
        return 1.0
    terms = [(1.0 if k % 2 else -1.0) * math.exp(-2 * k * k * x * x) for k in range(1, 101)]
    return min(1.0, max(0.0, 2 * sum(terms)))


def _series(shape: float, x: float) -> float:
    """Lower incomplete gamma by its power series, without the common scale."""
    term = total = 1 / shape
    for k in range(1, 2000):
        term *= x / (shape + k)
        total += term
        if term < total * 1e-16:
            break
    return total


def _fraction(shape: float, x: float) -> float:
    """Upper incomplete gamma by Lentz's continued fraction, without the common scale."""
    tiny = 1e-300
    b = x + 1 - shape
    c, d = 1 / tiny, 1 / b
    total = d
    for k in range(1, 2000):
        a = -k * (k - shape)
        b += 2
        d = 1 / (a * d + b or tiny)
        c = b + a / c or tiny
        total *= c * d
        if abs(c * d - 1) < 1e-16:
            break
    return total
