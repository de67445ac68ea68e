"""From sampled flaws to admitted cases: training, measuring, the gate, storage, sealing."""

from typing import Final

PLANTING: Final = "0.2.0"
"""How networks are planted: the version of OneCurve in which the same order last came to give another network."""
