"""Exact tests of shares: by the hypergeometric distribution, within classes where there are several."""

import numpy as np
from scipy.stats import binom, hypergeom

from onecurve.core.image.images import Bools, Ints


def stratified_p(errors: Bools, members: Bools, strata: Ints) -> float:
    """One-sided p-value that errors fall on members more often than on other images of the same stratum (all N).

    The sum of the hypergeometric numbers of all strata is compared with what was seen; with one stratum this is Fisher's exact test.
    Strata without errors, without members or without others say nothing.
    """
    chances = np.ones(1)
    for stratum in np.unique(strata[members]):
        own = strata == stratum
        count, wrong, inside = int(own.sum()), int((own & errors).sum()), int((own & members).sum())
        chances = np.convolve(chances, hypergeom.pmf(np.arange(min(wrong, inside) + 1), count, wrong, inside))
    seen = int((errors & members).sum())
    return float(min(1.0, chances[seen:].sum()))


def fisher_p(hits: int, count: int, other_hits: int, other_count: int) -> float:
    """One-sided p-value of Fisher's exact test: that ``hits`` of ``count`` is a larger share than that of the others."""
    return float(hypergeom.sf(hits - 1, count + other_count, hits + other_hits, count))


def paired_p(first: Bools, second: Bools) -> float:
    """One-sided p-value of McNemar's exact test: that ``first`` holds more often than ``second`` on the same N images."""
    more, less = int((first & ~second).sum()), int((second & ~first).sum())
    return float(binom.sf(more - 1, more + less, 0.5)) if more + less else 1.0
