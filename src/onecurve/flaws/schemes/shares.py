"""The share of flags that are set."""

import numpy as np

NAN = float("nan")


def share_set(flags: np.ndarray) -> float:
    """Share of the flags that are set; NaN if there are no flags."""
    return float(flags.mean()) if len(flags) else NAN
