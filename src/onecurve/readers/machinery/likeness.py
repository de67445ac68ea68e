"""How much pictures look like the options of a lineup, as weights over the options.

Every likeness is compared with that of null pictures, which show nothing in particular, so that no option is favoured without
evidence: some options look more like ordinary images than others do.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import final

import numpy as np
from numpy.typing import NDArray

from onecurve.core.codec import digest
from onecurve.core.image.images import Floats
from onecurve.core.question import Option, Weigh
from onecurve.core.seeds import generator
from onecurve.readers.machinery.embedder import Embedded, Embedder
from onecurve.readers.machinery.lineups import Comparison, lineup_of
from onecurve.readers.machinery.rendering import framed, noise_pictures

Doubles = NDArray[np.float64]

NULL = 24
"""Null pictures in all."""
ENOUGH = 8
"""Pictures beyond which more of them add no confidence: pictures of one tool err together."""
LINEUPS = 16
"""Lineups whose own pictures are remembered; one is read for many solvers."""


@final
@dataclass(frozen=True)
class Shown:
    """Pictures to compare with a lineup, and null pictures."""

    pictures: Sequence[Floats]
    """C x h x w each, of any size; at least one."""
    null: Sequence[Floats]
    """Pictures that show nothing in particular; noise is added up to ``NULL``."""
    shares: Doubles | None = None
    """How much each picture counts, summing to 1; None for all alike."""

    def framed(self, seed: int) -> tuple[Floats, Floats]:
        """The pictures and the null pictures, seeded noise among them, of one size: N and ``NULL`` x 3 x SIDE x SIDE."""
        noise = noise_pictures([picture.shape[1:] for picture in self.pictures], NULL - len(self.null), generator("null", seed))
        nothing = np.stack([framed(picture) for picture in [*noise, *self.null]])
        return np.stack([framed(picture) for picture in self.pictures]), nothing


def likeness_weights(shown: Shown, question: Weigh, embedder: Embedder, sharpness: float, seed: int) -> Floats:
    """O: weights over the options, summing to 1: a softmax of the standardised likeness, averaged over pictures, times ``sharpness``."""
    frames, nothing = shown.framed(seed)
    embedded = embedder.embed(np.concatenate([frames, nothing]))
    scores = [_scored(embedded, len(frames), trial) for trial in _tried(_Options(digest(question.shown), embedder, question.shown))]
    each = np.mean(scores, axis=0)
    if shown.shares is None:
        mean = each.mean(axis=0) * np.sqrt(min(len(frames), ENOUGH))
    else:
        mean = shown.shares @ each * np.sqrt(min(1 / np.square(shown.shares).sum(), ENOUGH))
    powers = np.exp(sharpness * (mean - mean.max()))
    weights: Floats = (powers / powers.sum()).astype(np.float32)
    return weights


def spread(count: int, wanted: int) -> NDArray[np.int64]:
    """Row numbers, at most ``wanted``, evenly spread over ``count`` rows."""
    return np.unique(np.linspace(0, count - 1, min(count, wanted)).astype(np.int64))


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
    standardised: Doubles = summed / (null_sum.std(axis=0) + 1e-6)
    return standardised


def _telling(trials: Doubles, right: NDArray[np.int64]) -> Doubles:
    """A: weights of the aspects, from how they tell the right option from the others on trials (T x O x A).

    A linear discriminant without the covariances: mean margin over variance, 1 (that of the null) added to the variance.
    """
    if len(trials) == 0:
        return np.ones(trials.shape[2])
    chosen = np.eye(trials.shape[1], dtype=bool)[right]
    margins = trials[chosen] - trials[~chosen].reshape(len(trials), -1, trials.shape[2]).mean(axis=1)
    weights: Doubles = np.maximum(margins.mean(axis=0), 0) / (margins.var(axis=0) + 1)
    return weights if weights.max() > 0 else np.ones(trials.shape[2])
