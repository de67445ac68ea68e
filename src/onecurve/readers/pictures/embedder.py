"""Reads pictures by a small network that learnt, on sampled lineups, which pictures show what an option shows."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar, final

from torch import Tensor

from onecurve.core.access import Access
from onecurve.core.answer import Answer
from onecurve.core.codec import digest
from onecurve.core.evidence import Evidence, HeatMap, Hypothesis, Picture, Pieces
from onecurve.core.image.images import Floats
from onecurve.core.question import Form, Forms, Option, Question, Weigh
from onecurve.core.workbench import Workbench
from onecurve.readers.machinery.embedder import tensor_of
from onecurve.readers.machinery.learnt import stored_encoder
from onecurve.readers.machinery.likeness import LINEUPS, Shown
from onecurve.readers.machinery.lineups import lineup_of
from onecurve.readers.machinery.looking import read_pictures, require_sharpness


@final
@dataclass(frozen=True)
class LearntReader:
    """Weights over a lineup by a convolutional network of 0.2 million parameters, trained on lineups that flaws sampled.

    Pictures and options become vectors. Those of the evidence are averaged, less the mean of noise and clean images of the subject, so that
    what several pictures share counts and what each holds by itself averages out. The inner products go through a softmax.

    What it learnt from is drawn by seeds of its own, by names that no run draws with, and shown with colours exchanged, inverted and
    mirrored: no option of a run is among it. It has seen the motifs and textures that the generator knows, in other colours, sizes and
    places. Nothing of a network or of a case took part. `benchmarks/embedder_weights.py` makes the weights again, on a CPU.
    """

    name: ClassVar[str] = "embedder"
    version: ClassVar[int] = 2
    summary: ClassVar[str] = "which option the pictures look like, by a small network that learnt it"
    source: ClassVar[str] = "baseline; in the place of CLIP in 2302.10894"
    needs: ClassVar[Access] = Access.NONE
    reads: ClassVar[Pieces] = (Picture, Hypothesis, HeatMap)
    answers: ClassVar[Forms] = (Form.LINEUP,)

    sharpness: float = 1.4
    """Factor of the inner products inside the softmax (an inverse temperature).

    Of a quarter to four the one with the least log loss on 84 held-back lineups of all kinds over degraded evidence.
    """

    def __post_init__(self) -> None:
        require_sharpness(self.sharpness)

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        """One row over the options; Abstain where there is nothing to look at."""
        return read_pictures(self.name, question, evidence, workbench, lambda shown, lineup: self._weights(shown, lineup, workbench.seed))

    def _weights(self, shown: Shown, lineup: Weigh, seed: int) -> Floats:
        encoder = stored_encoder()
        seen, nothing = (encoder(tensor_of(frames)) for frames in shown.framed(seed))
        counts = seen.new_tensor([len(seen)])
        logits = encoder.logits(seen.sum(0, keepdim=True), counts, nothing.mean(0), _vectors(_Options(digest(lineup.shown), lineup.shown)))
        weights: Floats = (self.sharpness * logits[0]).softmax(0).numpy()
        return weights


@final
@dataclass(frozen=True)
class _Options:
    """A lineup by its content; one is read for many solvers."""

    key: str
    shown: tuple[Option, ...] = field(compare=False)


@lru_cache(maxsize=LINEUPS)
def _vectors(options: _Options) -> Tensor:
    """O x SIZE: the mean vector of each option's pictures."""
    found = stored_encoder()(tensor_of(lineup_of(options.shown).pictures))
    mean: Tensor = found.reshape(len(options.shown), -1, found.shape[1]).mean(1)
    return mean
