"""Where options stand in one row of weights, with ties sharing: no option gains by its place in the list."""

import numpy as np

from onecurve.core.image.images import Bools, Floats


def top_share(row: Floats, right: Bools) -> float:
    """Credit for the top option in [0, 1]: the share of right ones among those tied at the top; both have length K."""
    top = row == row.max()
    return float((top & right).sum() / top.sum())


def average_rank(row: Floats, option: int) -> float:
    """Rank of the option from 1, best first; tied options share the average of their ranks."""
    above = int((row > row[option]).sum())
    tied = int((row == row[option]).sum())
    return above + (tied + 1) / 2


def any_right_first(row: Floats, right: Bools) -> float:
    """1 if some right option stands strictly above every wrong one, else 0."""
    return float(row[right].max() > row[~right].max(initial=-np.inf))
