"""RISE: cover the input with many random soft masks and add up the masks, each weighted by the target logit under it."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from torch.nn import functional

from onecurve.core.evidence import Evidence
from onecurve.core.image.images import Floats, Ints
from onecurve.core.question import Brief
from onecurve.core.validate import require_among, require_within
from onecurve.core.workbench import Workbench
from onecurve.tools.attribution.machinery.baseline_image import BASELINES, BaselineKind, baseline_image
from onecurve.tools.attribution.machinery.facts import QueryMaps
from onecurve.tools.attribution.machinery.map_checks import repeatability, shown
from onecurve.tools.attribution.machinery.masking import Asked, affordable_suspects
from onecurve.tools.attribution.machinery.sanity_checks import examined

FEWEST_MASKS = 8
"""With fewer masks a map shows the masks themselves; if the budget pays for no more, fewer suspects get a map."""


@final
@dataclass(frozen=True)
class Rise(QueryMaps):
    """Mean of random masks weighted by the target logit under them (Petsiuk et al., arXiv 1806.07421).

    Masks are coarse random grids, enlarged bilinearly and shifted at random. Three departures: the logit replaces the probability, which is
    saturated in a trojaned network; its mean is subtracted, because otherwise the sum of the masks hides their differences; covered pixels
    become the baseline instead of black. Negative values are set to 0. The budget decides how many masks are drawn.
    """

    name: ClassVar[str] = "rise"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "random soft masks, weighted by the target logit under them"
    source: ClassVar[str] = "arXiv 1806.07421"

    masks: int = 4000
    """The most masks per suspect, at least 8; the paper uses 4,000 to 8,000."""
    side: int = 8
    """Cells along each side of the coarse grid, 2..64."""
    showing: float = 0.5
    """Chance that a cell shows, in (0, 1)."""
    baseline: BaselineKind = "mean"

    def __post_init__(self) -> None:
        require_within("masks", self.masks, FEWEST_MASKS)
        require_within("side", self.side, 2, 64)
        require_within("showing", self.showing, 0.01, 0.99)
        require_among("baseline", self.baseline, BASELINES)

    @examined
    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        """One map per suspect that the budget pays for; nothing without suspects or without budget for 8 masks."""
        suspects = affordable_suspects(brief, workbench, FEWEST_MASKS)
        if suspects is None:
            return Evidence()
        count = len(suspects)
        many = min(self.masks, int(workbench.remaining / count) - 1)
        masks = soft_masks(many, self.side, self.showing, suspects.shape[2:], workbench.rng)
        baseline = baseline_image(self.baseline, workbench.subject, suspects)
        asked = Asked(workbench, suspects, brief.target)

        def covered(rows: Ints, numbers: Ints) -> Floats:
            shown = masks[numbers][:, None]
            return shown * suspects[rows] + (1 - shown) * baseline

        logits = asked.under(covered, many)
        halves = weighted(logits[:, ::2], masks[::2]), weighted(logits[:, 1::2], masks[1::2])
        return shown(weighted(logits, masks), f"RISE with {many} masks", repeatability(*halves))


def soft_masks(count: int, side: int, showing: float, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """float32 ``count`` x H x W in [0, 1]: random grids of ``side`` x ``side`` cells, enlarged by one cell and cropped at random."""
    height, width = shape
    tall, wide = -(-height // side), -(-width // side)
    coarse = torch.from_numpy((rng.random((count, 1, side + 1, side + 1)) < showing).astype(np.float32))
    size = ((side + 1) * tall, (side + 1) * wide)
    large = functional.interpolate(coarse, size, mode="bilinear", align_corners=False)[:, 0].numpy()
    tops, lefts = rng.integers(tall, size=count), rng.integers(wide, size=count)
    masks: Floats = np.stack([mask[top : top + height, left : left + width] for mask, top, left in zip(large, tops, lefts, strict=True)])
    return masks


def weighted(logits: Floats, masks: Floats) -> Floats:
    """float32 N x H x W, non-negative: how the masks (S x H x W) at each pixel go with the logits (N x S), what is below 0 left out."""
    centred = logits - logits.mean(axis=1, keepdims=True)
    together = np.tensordot(centred, masks - masks.mean(axis=0), axes=1) / len(masks)
    positive: Floats = np.maximum(together, 0).astype(np.float32)
    return positive
