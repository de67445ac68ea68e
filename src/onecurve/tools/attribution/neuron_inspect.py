"""Suspicion scores of classes from heat maps of clean images: which class has maps like those of a trojan's target class?

The tool needs no suspects, so it works before anybody has seen a triggered input.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from onecurve.core.access import Access
from onecurve.core.evidence import ClassScores, Evidence, Picture, Pieces
from onecurve.core.image.images import Floats
from onecurve.core.question import Brief
from onecurve.core.validate import require_within
from onecurve.core.workbench import Workbench
from onecurve.tools.attribution.machinery.gradients import GRADIENT, Suspects

Doubles = NDArray[np.float64]

FEWEST = 4
"""Images per class below which maps cannot be said to persist."""
MOST = 10.0
"""Cap of one feature's deviations, so that a feature in which nearly all classes are equal does not decide alone."""
SHOWN = 2
"""Classes whose mean map is shown."""


@final
@dataclass(frozen=True)
class NeuronInspect:
    """Gradient maps of every class over the same clean images: a target's are sparse, smooth and persist from image to image.

    The three features of NeuronInspect (Huang et al. 2019, arXiv 1911.07399), here without its fitted weights: of maps that sum to 1, the
    logarithm of the mean square (sparse), the mean absolute Laplacian over the mean (smooth, counted negative) and the mean correlation of
    maps of different images (persistent). Each is standardised over the classes by median and MAD, and the three are added. The reader
    decides what counts as an outlier.
    """

    name: ClassVar[str] = "neuron-inspect"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "gradient maps of each class over clean images: sparse, smooth, persistent"
    source: ClassVar[str] = "arXiv 1911.07399"
    needs: ClassVar[Access] = Access.WEIGHTS | Access.CLEAN_IMAGES
    shows: ClassVar[Pieces] = (ClassScores, Picture)

    images: int = 200
    """Clean images looked at, at most; each costs a pass forward and one backward per class."""

    def __post_init__(self) -> None:
        require_within("images", self.images, FEWEST)

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        """Class scores, and the mean maps of the most suspicious classes; of a target that is told, its mean map and no scores.

        Nothing without budget for 4 images of each class.
        """
        clean, classes = workbench.subject.granted_clean(), workbench.subject.classes
        count = workbench.affordable(classes * GRADIENT, min(self.images, len(clean)))
        if count < FEWEST:
            return Evidence()
        looked = Suspects(workbench, clean.take(np.sort(workbench.rng.permutation(len(clean))[:count])).floats())
        features, means = zip(*(_of_class(looked, target) for target in range(classes)), strict=True)
        scores = sum(_standardised(each) for each in np.array(features).T)
        assert isinstance(scores, np.ndarray)
        names = workbench.subject.class_names
        if brief.target is not None:
            return Evidence((_picture(means[brief.target], names[brief.target]),))
        pictures = [_picture(means[at], names[at]) for at in np.argsort(-scores, kind="stable")[:SHOWN]]
        return Evidence((ClassScores(scores.astype(np.float32), f"sparse, smooth and persistent maps over {count} images"), *pictures))


def features_of(maps: Floats) -> tuple[float, float, float]:
    """Sparse, smooth and persistent, each higher for a more suspicious class, of maps N x H x W that are non-negative."""
    flat = maps.reshape(len(maps), -1).astype(np.float64)
    shares = flat / np.maximum(flat.sum(axis=1, keepdims=True), 1e-30)
    pixels = flat.shape[1]
    sparse = float(np.log(np.maximum((shares**2).sum(axis=1) * pixels, 1e-30)).mean())
    smooth = -float(np.abs(_laplacian(shares.reshape(maps.shape))).mean() * pixels)
    centred = shares - shares.mean(axis=1, keepdims=True)
    units = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-30)
    others = len(maps) * (len(maps) - 1)
    persistent = float(((units.sum(axis=0) ** 2).sum() - (units**2).sum()) / others)
    return sparse, smooth, persistent


def _laplacian(maps: Doubles) -> Doubles:
    """Each pixel's four neighbours less four times itself; borders are mirrored."""
    padded = np.pad(maps, ((0, 0), (1, 1), (1, 1)), mode="symmetric")
    rows, columns = padded[:, :, 1:-1], padded[:, 1:-1]
    neighbours: Doubles = rows[:, 2:] + rows[:, :-2] + columns[:, :, 2:] + columns[:, :, :-2]
    return neighbours - 4 * maps


def _of_class(looked: Suspects, target: int) -> tuple[tuple[float, float, float], Floats]:
    """The class's features and its mean map; one class at a time, for the maps of all would not fit into memory."""
    signed = looked.mean_gradients(looked.targets(target), 1, lambda rows, _: (looked.images[rows], 1.0)).sum(dim=0)
    maps: Floats = signed.abs().sum(dim=1).cpu().numpy()
    mean: Floats = maps.mean(axis=0)
    return features_of(maps), mean


def _standardised(values: Doubles) -> Doubles:
    centre = np.median(values)
    spread = 1.4826 * np.median(np.abs(values - centre))
    standardised: Doubles = (values - centre) / max(float(spread), 1e-6)
    return standardised.clip(-MOST, MOST)


def _picture(mean: Floats, name: str) -> Picture:
    scaled = (mean / max(float(mean.max()), 1e-30)).astype(np.float32)
    return Picture(scaled[None], f"mean gradient map of `{name}`")
