"""Shares of flags that are set, NaN where there are none."""

import numpy as np

NAN = float("nan")


def share_set(flags: np.ndarray) -> float:
    """Share of the flags that are set; NaN for none at all."""
    return float(flags.mean()) if len(flags) else NAN
