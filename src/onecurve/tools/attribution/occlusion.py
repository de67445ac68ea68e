"""Occlusion: cover a window of the input and see how far the target logit falls.

The windows move on a grid as fine as the budget allows, so a larger budget gives a sharper map.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from onecurve.core.evidence import Evidence
from onecurve.core.image.images import Bools, Floats, Ints
from onecurve.core.question import Brief
from onecurve.core.validate import require_among, require_within
from onecurve.core.workbench import Workbench
from onecurve.tools.attribution.machinery.baseline_image import BASELINES, BaselineKind, baseline_image
from onecurve.tools.attribution.machinery.facts import QueryMaps
from onecurve.tools.attribution.machinery.map_checks import shown
from onecurve.tools.attribution.machinery.masking import Asked, affordable_suspects
from onecurve.tools.attribution.machinery.sanity_checks import examined

FEWEST_WINDOWS = 9
"""A grid coarser than 3 x 3 localises nothing; if the budget pays for no more, fewer suspects get a map."""


@final
@dataclass(frozen=True)
class Occlusion(QueryMaps):
    """Mean fall of the target logit over the windows that cover a pixel, positive part (Zeiler & Fergus, arXiv 1311.2901).

    The paper slides a grey square at a fixed stride and maps the probability of the right class; here the stride follows from the
    budget (down to one pixel) and the logit is used, since a trojan's probability is saturated. Without a target in the
    brief, each suspect's own top class is explained.
    """

    name: ClassVar[str] = "occlusion"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "cover windows of the input and map the fall of the target logit"
    source: ClassVar[str] = "arXiv 1311.2901"

    window: float = 0.1
    """Side of the window as a share of the image's side, in (0, 1]."""
    baseline: BaselineKind = "mean"

    def __post_init__(self) -> None:
        require_within("window", self.window, 0.01, 1)
        require_among("baseline", self.baseline, BASELINES)

    @examined
    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        """One map per suspect that the budget pays for; nothing without suspects or without budget for a 3 x 3 grid."""
        suspects = affordable_suspects(brief, workbench, FEWEST_WINDOWS)
        if suspects is None:
            return Evidence()
        count = len(suspects)
        per_suspect = int(workbench.remaining / count) - 1
        masks = window_masks(suspects.shape[2:], self.window, per_suspect)
        baseline = baseline_image(self.baseline, workbench.subject, suspects)
        asked = Asked(workbench, suspects, brief.target)

        def occluded(rows: Ints, numbers: Ints) -> Floats:
            return np.where(masks[numbers][:, None], baseline, suspects[rows])

        falls = asked.whole[:, None] - asked.under(occluded, len(masks))
        return shown(_maps(falls, masks), f"occlusion with {len(masks)} windows")


def window_masks(shape: tuple[int, ...], share: float, at_most: int) -> Bools:
    """bool V x H x W: windows on an even grid that covers every pixel, ``V <= at_most``.

    The windows grow beyond ``share`` of the side where ``at_most`` of that size could not cover the image.
    """
    height, width = shape
    per_side = max(1, int(at_most**0.5))
    rows = _axis_windows(height, share, per_side)
    columns = _axis_windows(width, share, max(1, at_most // len(rows)))
    return (rows[:, None, :, None] & columns[None, :, None, :]).reshape(-1, height, width)


def _axis_windows(length: int, share: float, at_most: int) -> Bools:
    size = min(length, max(1, round(share * length), -(-length // at_most)))
    count = min(at_most, length - size + 1)
    starts = np.rint(np.linspace(0, length - size, count)).astype(int)
    pixels = np.arange(length)
    return (pixels >= starts[:, None]) & (pixels < starts[:, None] + size)


def _maps(falls: Floats, masks: Bools) -> Floats:
    cover = masks.sum(axis=0)
    mean_fall = np.tensordot(falls, masks.astype(np.float32), axes=1) / cover
    positive: Floats = np.maximum(mean_fall, 0).astype(np.float32)
    return positive
