"""How often 95 % intervals hold the true mean, and how often one tool under two names is told apart, by simulation.

    python benchmarks/coverage.py [DRAWS]

Every draw is a run on n networks with three flaws each. The skills of one network are correlated through a normal copula. The
intervals and the test are those of the report. Prints the tables of docs/reference/statistics.md; 4,000 draws take about
five processor minutes.
"""

import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, norm

from onecurve.statistics.compare import PairedDifferences, sign_flip_p
from onecurve.statistics.intervals import mean_interval

NETWORKS = (4, 8, 16, 32)
CORRELATIONS = (0.0, 0.3, 0.6, 0.9)
FLAWS = 3
ALPHA = 0.05
A, B = 0.6, 1.8
Skills = NDArray[np.float64]

SHAPES: dict[str, tuple[Callable[[Skills], Skills], float]] = {
    "normal": (lambda z: 0.3 + 0.3 * z, 0.3),
    "skewed": (lambda z: beta.ppf(norm.cdf(z), A, B), A / (A + B)),
}
"""From standard normal numbers to skills, and their true mean. Skewed: many cases near the floor, few near the ceiling."""


def correlated(rng: np.random.Generator, networks: int, correlation: float) -> Skills:
    """Standard normal numbers, networks x flaws, with that correlation between the flaws of one network."""
    shared, own = rng.normal(size=(networks, 1)), rng.normal(size=(networks, FLAWS))
    return np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own


def coverage(networks: int, correlation: float, shape: str, draws: int, *, by_network: bool = True) -> float:
    """Share of draws whose interval holds the true mean; without ``by_network`` cases are resampled as if independent."""
    rng = np.random.default_rng([networks, round(10 * correlation)])
    skills_of, mean = SHAPES[shape]
    names = np.repeat(np.arange(networks), FLAWS).tolist() if by_network else None
    hits = 0
    for draw in range(draws):
        values = skills_of(correlated(rng, networks, correlation)).ravel()
        hits += mean_interval(values, networks=names, seed=draw).holds(mean)
    return hits / draws


def told_apart(networks: int, correlation: float, draws: int) -> float:
    """Share of draws in which one tool under two names differs significantly.

    The difficulty of a case is shared by both names; the noise of a run is not, and is correlated within a network.
    """
    rng = np.random.default_rng([networks, round(10 * correlation), 1])
    names = [f"net-{network:02d}" for network in range(networks) for _ in range(FLAWS)]
    found = 0
    for _ in range(draws):
        difficulty = correlated(rng, networks, correlation)
        first, second = (0.3 + 0.2 * difficulty + 0.2 * correlated(rng, networks, correlation) for _ in range(2))
        paired = PairedDifferences(tuple((first - second).ravel().tolist()), ("patch",) * len(names), tuple(names))
        found += sign_flip_p(paired.totals()) <= ALPHA
    return found / draws


def table(title: str, measured: Callable[[int, float], float]) -> str:
    """A table of networks by correlation, in Markdown."""
    head = f"| {title} | {' | '.join(f'correlation {correlation:g}' for correlation in CORRELATIONS)} |"
    lines = [head, "|---" * (1 + len(CORRELATIONS)) + "|"]
    for networks in NETWORKS:
        shares = [measured(networks, correlation) for correlation in CORRELATIONS]
        lines.append(f"| n = {networks} networks | {' | '.join(f'{share:.3f}' for share in shares)} |")
    return "\n".join(lines)


def main(draws: int) -> None:
    """Print every table."""
    for shape in SHAPES:
        print(
            table(f"{shape} skills: coverage", lambda networks, rho, shape=shape: coverage(networks, rho, shape, draws)), "\n", flush=True
        )
    by_case = table(
        "normal skills: coverage if cases were resampled", lambda n, rho: coverage(n, rho, "normal", draws // 2, by_network=False)
    )
    print(by_case, "\n", flush=True)
    print(table("one tool under two names: told apart", lambda networks, rho: told_apart(networks, rho, draws)), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4000)
