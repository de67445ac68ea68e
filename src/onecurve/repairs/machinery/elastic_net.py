"""Multinomial elastic net with soft targets: a linear head with few weights, along a path of penalties.

Weights are those of the features as given; standardisation happens inside and is folded back.
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

RATIO = 0.99
"""Share of the L1 part in the penalty (2105.04857)."""
ITERATIONS = 80
"""Accelerated proximal steps per penalty, started from the solution of the one before."""


@final
@dataclass(frozen=True)
class LinearHead:
    """Weights K x D and biases K of logits."""

    weights: Tensor
    biases: Tensor

    @property
    def size(self) -> int:
        return int(torch.count_nonzero(self.weights)) + int(torch.count_nonzero(self.biases))


def elastic_net_path(features: Tensor, targets: Tensor, steps: int, smallest: float) -> list[LinearHead]:
    """Heads for ``steps`` penalties, from the one that leaves no weight down to ``smallest`` times it (sparsest first).

    Minimises the cross-entropy to ``targets`` (N x K, rows sum to 1) of a linear function of ``features`` (N x D) plus the
    penalty on the weights of standardised features, by FISTA (Beck and Teboulle 2009). Biases are not penalised.
    """
    centre, spread = features.mean(0), features.std(0)
    # A feature that hardly varies would get a huge weight for noise.
    usable = spread > 1e-4 * spread.max()
    scaled = torch.where(usable, (features - centre) / spread.clamp(min=1e-12), 0)
    shares = targets.mean(0).clamp(min=1e-6)
    largest = float(((shares - targets).T @ scaled / len(scaled)).abs().max()) / RATIO
    # Largest curvature of the loss: half the largest eigenvalue of the second moments, bias included.
    lipschitz = 0.5 * float(torch.linalg.eigvalsh(scaled.T @ scaled / len(scaled)).max()) + 0.5
    penalties = largest * torch.logspace(0, torch.log10(torch.tensor(smallest)).item(), steps + 1)[1:]
    weights, biases = torch.zeros(targets.shape[1], scaled.shape[1]), shares.log()[:, None]
    problem = _Problem(scaled, scaled.T.contiguous(), targets.T.contiguous())
    heads = []
    for penalty in penalties.tolist():
        weights, biases = _solved(problem, (weights, biases), penalty, 1 / lipschitz)
        folded = torch.where(usable, weights / spread.clamp(min=1e-12), 0)
        heads.append(LinearHead(folded, biases[:, 0] - folded @ centre))
    return heads


@final
@dataclass(frozen=True)
class _Problem:
    """Features both ways in memory and targets classes first: each product of a step runs along its rows, twice as fast."""

    rows: Tensor
    """N x D."""
    columns: Tensor
    """D x N."""
    targets: Tensor
    """K x N."""


def _solved(problem: _Problem, start: tuple[Tensor, Tensor], penalty: float, rate: float) -> tuple[Tensor, Tensor]:
    """Weights K x D and biases K x 1."""
    (weights, biases), (ahead, ahead_biases), momentum = start, start, 1.0
    for _ in range(ITERATIONS):
        residual = torch.softmax(torch.addmm(ahead_biases, ahead, problem.columns), 0).sub_(problem.targets)
        stepped = ahead - (residual @ problem.rows) * (rate / len(problem.rows))
        shrunk = (stepped.abs() - rate * penalty * RATIO).clamp(min=0) * stepped.sign() / (1 + rate * penalty * (1 - RATIO))
        shifted = ahead_biases - rate * residual.mean(1, keepdim=True)
        following = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        pull = (momentum - 1) / following
        ahead, ahead_biases = shrunk + pull * (shrunk - weights), shifted + pull * (shifted - biases)
        weights, biases, momentum = shrunk, shifted, following
    return weights, biases
