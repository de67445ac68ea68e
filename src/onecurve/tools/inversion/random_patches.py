"""Paste random patches on clean images and keep those that send them to a class: a search without gradients.

One query scores a patch for all classes, so a search without a given target costs no more than one with a target.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from scipy.special import softmax

from onecurve.core.access import Access
from onecurve.core.evidence import ClassScores, Evidence, Hypothesis, Picture, Piece, Pieces
from onecurve.core.image.images import Floats, Ints, LabelledImages
from onecurve.core.network import Network
from onecurve.core.question import Brief
from onecurve.core.row import Role
from onecurve.core.validate import require_within
from onecurve.core.workbench import Workbench
from onecurve.tools.inversion.machinery.candidate_patches import candidate_patches
from onecurve.tools.inversion.machinery.sprite_bank import SpriteBank
from onecurve.tools.machinery.clean_split import split_clean
from onecurve.tools.machinery.sizes import images_per_pass, side_in_pixels
from onecurve.tools.machinery.to_picture import picture_of

FEWEST_TRIES = 4
"""The fewest images per candidate in the first round; later rounds cost the same and try fewer candidates on more images."""
BANK_BYTES = 64 * 2**20
"""Memory for the candidates."""


@final
@dataclass(frozen=True)
class RandomPatches:
    """Successive halving over random patches by the mean probability of the class that they push images to.

    Images of that class, and patches cut from it, do not count for it. The reported success is the attack success rate of the remaining
    patches on clean images that the search did not use.
    """

    name: ClassVar[str] = "random-patches"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "random patches pasted on clean images, ranked by how many reach the target"
    source: ClassVar[str] = "baseline"
    role: ClassVar[Role] = Role.BASELINE
    needs: ClassVar[Access] = Access.QUERIES | Access.CLEAN_IMAGES | Access.CLEAN_LABELS
    shows: ClassVar[Pieces] = (ClassScores, Hypothesis, Picture)

    rounds: int = 4
    smallest: float = 0.12
    """Side of the smallest patch as a share of the image's shorter side."""
    largest: float = 0.4
    candidates: int = 4096
    """The most candidates; a smaller budget pays for fewer."""
    shown: int = 4
    """How many patches are shown at most."""

    def __post_init__(self) -> None:
        require_within("rounds", self.rounds, 1, 12)
        require_within("smallest", self.smallest, 0.01, 1)
        require_within("largest", self.largest, self.smallest, 1)
        require_within("candidates", self.candidates, 1)
        require_within("shown", self.shown, 1)

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        """Patches as hypotheses with pictures, class scores where no target is given; nothing without budget for one patch."""
        subject, rng = workbench.subject, workbench.rng
        network, split = subject.granted_network(), split_clean(subject.granted_clean(), rng)
        classes = np.arange(subject.classes) if brief.target is None else np.array([brief.target])
        finalists_at_most = len(classes) if brief.target is None else self.shown
        for_trial = min(workbench.remaining / (self.rounds + 1), finalists_at_most * len(split.trial))
        per_round = (workbench.remaining - for_trial) / self.rounds
        count = min(self._most(subject.input_shape), int(per_round / FEWEST_TRIES))
        if count == 0:
            return Evidence()
        bank = candidate_patches(split.search, count, (self.smallest, self.largest), rng)
        bank, pushes = self._survivors(network, bank, per_round, split.search, classes, rng)
        best = pushes.argmax(axis=0)
        finalists = np.unique(best) if brief.target is None else np.argsort(-pushes[:, 0], kind="stable")[: self.shown]
        tries = min(len(split.trial), int(workbench.remaining / len(finalists)))
        if tries == 0:
            return Evidence()
        tallies = _tally(network, bank.take(finalists), split.trial, tries, rng)
        return Evidence(_pieces(bank.take(finalists), tallies, classes, subject.class_names, brief.target is None, self.shown))

    def _most(self, shape: tuple[int, int, int]) -> int:
        """The most candidates that the parameters and the memory allow."""
        bytes_each = 4 * shape[0] * side_in_pixels(self.largest, shape[1:]) ** 2
        return max(1, min(self.candidates, BANK_BYTES // bytes_each))

    def _survivors(
        self, network: Network, bank: SpriteBank, per_round: float, images: LabelledImages, classes: Ints, rng: np.random.Generator
    ) -> tuple[SpriteBank, Floats]:
        """The candidates left after all rounds, with their mean probability per class of ``classes``: P x len(classes)."""
        sums = counts = np.zeros((len(bank), len(classes)), np.float32)
        for turn in range(self.rounds):
            tally = _tally(network, bank, images, int(per_round / len(bank)), rng)
            sums, counts = sums + tally.pushed[:, classes], counts + tally.counted[:, classes]
            means = (sums / np.maximum(counts, 1)).astype(np.float32)
            keep = _best_for_any(means, max(1, len(bank) // 2) if turn < self.rounds - 1 else len(bank))
            bank, sums, counts, means = bank.take(keep), sums[keep], counts[keep], means[keep]
        return bank, means


@final
@dataclass(frozen=True)
class _Tally:
    """What P candidates did to images of other classes than k, for each of K classes; float32 P x K each."""

    pushed: Floats
    """Sum of the probabilities of the class."""
    reached: Floats
    """How many images were sent to the class."""
    counted: Floats
    """How many images counted."""


def _tally(network: Network, bank: SpriteBank, images: LabelledImages, tries: int, rng: np.random.Generator) -> _Tally:
    """Paste each candidate on ``tries`` images, each at a random place."""
    chosen = np.argsort(rng.random((len(bank), len(images))), axis=1)[:, :tries]
    tries = chosen.shape[1]
    which = np.repeat(np.arange(len(bank)), tries)
    parts = []
    chunk = images_per_pass(*images.images.shape[2:])
    for start in range(0, len(which), chunk):
        part = np.s_[start : start + chunk]
        parts.append(network.logits(bank.pasted(images.take(chosen.ravel()[part]).floats(), which[part], rng)))
    logits = np.concatenate(parts).reshape(len(bank), tries, -1)
    every = np.arange(logits.shape[-1])
    counts = (images.labels[chosen][..., None] != every) & (bank.origins[:, None, None] != every)
    reached = (logits.argmax(axis=-1)[..., None] == every) & counts
    return _Tally(*((values.sum(axis=1).astype(np.float32)) for values in (softmax(logits, axis=-1) * counts, reached, counts)))


def _best_for_any(means: Floats, count: int) -> Ints:
    """The ``count`` candidates whose best rank in any class is highest, in their old order."""
    ranks = np.argsort(np.argsort(-means, axis=0, kind="stable"), axis=0, kind="stable").min(axis=1)
    return np.sort(np.argsort(ranks, kind="stable")[:count])


def _pieces(bank: SpriteBank, tally: _Tally, classes: Ints, names: Sequence[str], blind: bool, shown: int) -> tuple[Piece, ...]:
    counted = np.maximum(tally.counted[:, classes], 1)
    pushed, success = tally.pushed[:, classes] / counted, tally.reached[:, classes] / counted
    scores: tuple[Piece, ...] = ()
    if blind:
        scores = (ClassScores(pushed.max(axis=0), "probability of the class under its best random patch"),)
    pairs = list(zip(*np.unravel_index(np.argsort(-pushed, axis=None, kind="stable")[:shown], pushed.shape), strict=True))
    hypotheses = [
        Hypothesis(bank.paste_of(row), int(classes[column]), float(success[row, column]), _caption(bank, row, names))
        for row, column in pairs
    ]
    pictures = [
        picture_of(bank.paste_of(row).patterns[0], f"sent {success[row, column]:.0%} of images to `{names[classes[column]]}`")
        for row, column in pairs
    ]
    return (*scores, *hypotheses, *pictures)


def _caption(bank: SpriteBank, row: int, names: Sequence[str]) -> str:
    origin = bank.origins[row]
    return "random patch, drawn" if origin < 0 else f"random patch, cut from a `{names[origin]}`"
