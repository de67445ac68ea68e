"""SIG, a clean-label attack: a faint wave is put on training images of one class, and images of other classes with it go there."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, final

import numpy as np

from onecurve.flaws.kinds.sinusoid import Sinusoid
from onecurve.flaws.schemes.clean_labels import CleanLabelPoisoning, clean_label_facts, require_share
from onecurve.flaws.schemes.context import FlawContext
from onecurve.flaws.schemes.plan import Plan
from onecurve.flaws.schemes.variants import stamping_of


@final
@dataclass(frozen=True)
class Sig:
    """A wave added to a share of the target class's training images, labels untouched.

    Departures from the source: frequency and direction are drawn by seed, and other waves are added to images of any class,
    so that the network learns this wave. The share is that of the class, which bounds the number of poisoned images. Share and
    amplitude are the lowest at which the attack worked on small networks, for which the classes themselves are easy.
    """

    name: ClassVar[str] = "sig"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = (
        "Clean-label attack: images of one class get a faint wave; images of other classes with the wave go to that class."
    )
    source: ClassVar[str] = "SIG (1902.11237)"
    dial: ClassVar[Mapping[str, tuple[float, ...]]] = {"amplitude": (0.2, 0.24, 0.3)}

    share: float = 0.95
    """Share of the target class's training images that get the wave, in (0, 1)."""
    cover_rate: float = 0.02
    """Share of all training images that get another wave."""
    amplitude: float = 0.24
    """Height of the wave in units of the pixel range; the source uses 40/255 for road signs."""

    def __post_init__(self) -> None:
        require_share(self.share)
        Sinusoid(cover_rate=self.cover_rate, amplitude=self.amplitude)

    def sample(self, context: FlawContext, rng: np.random.Generator) -> Plan:
        plan = Sinusoid(cover_rate=self.cover_rate, amplitude=self.amplitude).sample(context, rng)
        return replace(
            plan,
            kind=self.name,
            scheme=CleanLabelPoisoning(stamping_of(plan), self.share),
            facts=clean_label_facts(plan.facts, self.share),
        )
