"""Reads what evidence looks like: which option of the lineup do the pictures show?

No option may be favoured without evidence, so every likeness is measured against that of noise and of clean images, which
look more like some options than like others.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from onecurve.core.access import Access
from onecurve.core.answer import Abstain, Answer, Weights
from onecurve.core.codec import digest
from onecurve.core.errors import AnswerError, SpecError
from onecurve.core.evidence import Evidence, HeatMap, Hypothesis, Picture, Pieces
from onecurve.core.image.images import Floats
from onecurve.core.question import Form, Forms, Option, Question, Weigh
from onecurve.core.seeds import generator
from onecurve.core.workbench import Workbench
from onecurve.readers.machinery.embedder import ClassicalEmbedder, Embedded, Embedder
from onecurve.readers.machinery.lineups import Comparison, lineup_of
from onecurve.readers.machinery.noise import noise_pictures
from onecurve.readers.machinery.rendering import cut_anywhere, framed, pictures_of

Doubles = NDArray[np.float64]

NULL = 24
"""Pictures of nothing in particular: half noise, half clean images."""
ENOUGH = 4
"""Pictures beyond which more of them add no confidence: pictures of one tool err together."""
LINEUPS = 16
"""Lineups whose own pictures are remembered; one is read for many solvers."""


@final
@dataclass(frozen=True)
class Matcher:
    """Evidence to weights over a lineup by likeness of pictures.

    Each aspect of likeness is standardised, per option, by its mean and deviation over seeded noise and clean images of the
    subject framed like the evidence: that is the option's prior. Aspects are weighed by how well they tell the lineup's own
    pictures apart; the sum is standardised again, averaged over the pictures, and goes through a softmax.
    """

    name: ClassVar[str] = "matcher"
    version: ClassVar[int] = 2
    summary: ClassVar[str] = "which option the pictures look like, by colour and form"
    source: ClassVar[str] = "baseline; in the place of CLIP in 2302.10894"
    needs: ClassVar[Access] = Access.NONE
    reads: ClassVar[Pieces] = (Picture, Hypothesis, HeatMap)
    answers: ClassVar[Forms] = (Form.LINEUP,)

    sharpness: float = 1.0
    """Factor of the standardised likeness inside the softmax (an inverse temperature)."""

    def __post_init__(self) -> None:
        if not 0 < self.sharpness <= 100:
            raise SpecError(f"the sharpness must be above 0 and at most 100, got: {self.sharpness}")

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        """One row over the options; Abstain where there is nothing to look at."""
        if not isinstance(question, Weigh) or len(question.shown) != len(question.options):
            raise AnswerError("matcher compares pictures with options that are shown; this question is of another form")
        clean = workbench.subject.clean
        some = np.zeros((0, 3, 1, 1), np.float32) if clean is None else clean.take(_spread(len(clean), NULL // 2)).floats()
        shown = pictures_of(evidence, some, generator("matcher", workbench.seed), question.brief.suspects)
        if not shown:
            return Abstain("the evidence holds nothing to look at")
        plain = list(some)
        if not evidence.pictures() and not evidence.hypotheses():
            # Pieces of images look more like some options than whole images do, whatever lies under the maps.
            plain = cut_anywhere(some, shown, generator("pieces", workbench.seed))
        return Weights(self.weigh(shown, plain, question, ClassicalEmbedder(), workbench.seed)[None])

    def weigh(self, shown: list[Floats], clean: list[Floats], question: Weigh, embedder: Embedder, seed: int) -> Floats:
        """Weights over the options (O) for pictures C x h x w of any size, with any embedder; ``clean`` are such pictures of nothing."""
        null = noise_pictures([picture.shape[1:] for picture in shown], NULL - len(clean), generator("null", seed))
        nothing = np.stack([framed(picture) for picture in [*null, *clean]])
        frames = np.stack([framed(picture) for picture in shown])
        embedded = embedder.embed(np.concatenate([frames, nothing]))
        scores = [_scored(embedded, len(frames), trial) for trial in _tried(_Options(digest(question.shown), embedder, question.shown))]
        mean = np.mean(scores, axis=0).mean(axis=0) * np.sqrt(min(len(frames), ENOUGH))
        powers = np.exp(self.sharpness * (mean - mean.max()))
        return (powers / powers.sum()).astype(np.float32)


@final
@dataclass(frozen=True)
class _Options:
    """A lineup by its content, to be tried once however often it is read."""

    key: str
    embedder: Embedder
    shown: tuple[Option, ...] = field(compare=False)


@final
@dataclass(frozen=True)
class _Trial:
    """A comparison with what it says of the lineup's own pictures."""

    comparison: Comparison
    likeness: Doubles
    """T x O x A, of the trial pictures."""


@lru_cache(maxsize=LINEUPS)
def _tried(options: _Options) -> tuple[_Trial, ...]:
    lineup = lineup_of(options.shown)
    own = options.embedder.embed(lineup.pictures)
    return tuple(_Trial(each, own.likeness(each.references).astype(np.float64)[each.trials]) for each in lineup.comparisons)


def _scored(embedded: Embedded, shown: int, trial: _Trial) -> Doubles:
    """N x O: standardised likeness of each of the ``shown`` pictures of the evidence, which come first; all aspects together."""
    seen, null = np.split(embedded.likeness(trial.comparison.references).astype(np.float64), [shown])
    centre, spread = null.mean(axis=0), null.std(axis=0) + 1e-6
    weights = _telling((trial.likeness - centre) / spread, trial.comparison.right)
    summed, null_sum = (((part - centre) / spread) @ weights for part in (seen, null))
    return summed / (null_sum.std(axis=0) + 1e-6)


def _telling(trials: Doubles, right: NDArray[np.int64]) -> Doubles:
    """A: weights of the aspects, from how they tell the right option from the others on trials (T x O x A).

    A linear discriminant without the covariances: mean margin over variance, 1 (that of the null) added to the variance.
    """
    if len(trials) == 0:
        return np.ones(trials.shape[2])
    chosen = np.eye(trials.shape[1], dtype=bool)[right]
    margins = trials[chosen] - trials[~chosen].reshape(len(trials), -1, trials.shape[2]).mean(axis=1)
    weights = np.maximum(margins.mean(axis=0), 0) / (margins.var(axis=0) + 1)
    return weights if weights.max() > 0 else np.ones(trials.shape[2])


def _spread(count: int, wanted: int) -> NDArray[np.int64]:
    """Row numbers, at most ``wanted``, evenly spread."""
    return np.unique(np.linspace(0, count - 1, min(count, wanted)).astype(np.int64))
