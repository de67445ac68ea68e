"""Cases: a public subject and a sealed truth, with no reference from the first to the second."""

from dataclasses import dataclass, field, replace
from typing import final

import numpy as np

from onecurve.core import html
from onecurve.core.access import Access
from onecurve.core.effect import Effect
from onecurve.core.errors import ModelError
from onecurve.core.evidence import Units
from onecurve.core.image.images import Bools, Floats, Ints, LabelledImages
from onecurve.core.image.trigger import Trigger
from onecurve.core.network import Network
from onecurve.core.question import Option

SAMPLED = 8
"""Clean images that a notebook shows of a subject."""


@final
@dataclass(frozen=True, repr=False)
class Subject:
    """All that may be seen of a network under study. Holds no path to the truth."""

    id: str
    network: Network | None
    """None where the threat model, or the reading of a Weigh question, grants no network."""
    class_names: tuple[str, ...]
    input_shape: tuple[int, int, int]
    """Channels, height, width; inputs are floats in [0, 1]."""
    access: Access
    clean: LabelledImages | None = None
    """The small clean set that the threat model grants."""
    reference: Network | None = None
    """A clean network of the same recipe, where the threat model grants one."""

    def __repr__(self) -> str:
        shape = " x ".join(map(str, self.input_shape))
        return f"<Subject {self.id}: {self.classes} classes, inputs {shape}, grants {', '.join(self.access.words()) or 'nothing'}>"

    @property
    def classes(self) -> int:
        return len(self.class_names)

    def _repr_html_(self) -> str:
        shape = " x ".join(map(str, self.input_shape))
        known = {"classes": ", ".join(self.class_names), "input": shape, "grants": ", ".join(self.access.words())}
        clean = self.clean.take(slice(0, SAMPLED)) if self.clean is not None else None
        images = () if clean is None else zip(clean.floats(), clean.labels, strict=True)
        return html.facts(known) + html.row(html.picture(image, self.class_names[int(label)]) for image, label in images)

    def without_network(self) -> "Subject":
        """The same subject for the reader of a Weigh question: no network, no weights, no reference."""
        taken = Access.QUERIES | Access.WEIGHTS | Access.REFERENCE_NETWORK
        return replace(self, network=None, reference=None, access=self.access & ~taken)

    def of_reference(self) -> "Subject":
        """The same subject with the clean reference in the place of its network; raises ``ModelError`` where none is granted."""
        if self.reference is None:
            raise ModelError(f"no clean reference network is granted for {self.id}")
        return replace(self, network=self.reference, reference=None)

    def granted_network(self) -> Network:
        """The network; raises ``ModelError`` where it is not granted."""
        if self.network is None:
            raise ModelError(f"the network of {self.id} is not granted here", "reading a Weigh question gives no network")
        return self.network

    def granted_clean(self) -> LabelledImages:
        """The clean set; raises ``ModelError`` where it is not granted."""
        if self.clean is None:
            raise ModelError(f"no clean set is granted for {self.id}")
        return self.clean


@final
@dataclass(frozen=True)
class Strength:
    """How well a plant took, measured on held-out images."""

    clean_accuracy: float
    twin_accuracy: float
    success: float = float("nan")
    """Attack success rate (ASR): share of held-out triggered images of the source classes that go to the target class."""
    twin_success: float = float("nan")
    """The same images through the clean twin: how often the same is said without any flaw."""
    elsewhere: float = float("nan")
    """Leakage of a source-specific trigger: share of triggered images of other classes that go to a target class."""
    false_firing: float = float("nan")
    """False trigger rate: share of clean images that wrongly go to a target class."""
    near_miss: float = float("nan")
    """Share that goes to a target under a near miss (another patch, the colours without the texture, another object)."""
    recognised: float = float("nan")
    """Share of the triggered images that the network gives their true label."""
    twin_recognised: float = float("nan")
    """The same for the clean twin: how recognisable triggered images still are."""
    half: float = float("nan")
    """Share that goes to a target under half of the trigger: half of a patch, half of a style's strength, one of two triggers."""
    other_colour: float = float("nan")
    """The same with the trigger's colour channels exchanged."""
    other_place: float = float("nan")
    """The same with the trigger at another place, where it has one of its own."""


@final
@dataclass(frozen=True)
class Population:
    """What anybody knows of the examined networks before looking: in a run, of those that were admitted."""

    clean_share: float
    """Share of networks that carry no flaw."""
    flaws_per_network: int
    """How many flaws a flawed network carries."""
    classes: int
    announced: float | None = None
    """The clean share that the design of the run says, where it is announced to who answers; None for ``clean_share``."""

    @property
    def prior(self) -> tuple[float, ...]:
        """The chance of each class to be the one that a network is flawed towards, and last of no flaw, as announced; sums to 1."""
        clean = self.clean_share if self.announced is None else self.announced
        return (*((1 - clean) / self.classes,) * self.classes, clean)


@final
@dataclass(frozen=True)
class Triggered:
    """Held-out inputs on which the flaw is present; target-class images are excluded."""

    images: Floats
    """float32 N x C x H x W in [0, 1]."""
    labels: np.ndarray
    """int64 N; the true classes."""
    masks: Bools | None
    """bool N x H x W; None where the flaw has no place."""

    def __len__(self) -> int:
        return len(self.images)


@final
@dataclass(frozen=True, repr=False)
class Truth:
    """The sealed part: the ground truth. It does not print itself, so that a log cannot leak it."""

    flaw: str
    """The kind of flaw, `clean` for none."""
    effect: Effect
    """Where this flaw sends inputs of each class."""
    targets: tuple[int, ...]
    """Classes that an auditor of the network should name, those of all its flaws, this one's first (see ``Effect.named``)."""
    words: str
    """What was planted, in words."""
    trigger: Trigger | None
    options: tuple[Option, ...]
    """The lineup for `discover`, already shuffled."""
    right: int | None
    """Which option is right."""
    heldout: LabelledImages
    """Held-out clean images; disjoint from training images and from the subject's clean set."""
    triggered: Triggered | None
    bystanders: Triggered | None
    """Held-out inputs with a near miss of the trigger, on which the flaw does not fire."""
    network: Network
    twin: Network
    strength: Strength
    population: Population
    facts: dict[str, str | int | float] = field(default_factory=dict)
    """Columns for every row: insertion, poison rate, size, …"""
    poisoned: Ints | None = None
    """int64; rows of the training images that this flaw changed or relabelled; None where no training data carry it."""
    units: Units | None = None
    """The units that carry the flaw, where it was written into chosen ones."""
    decoys: tuple[Trigger, ...] = ()
    """Triggers drawn as this one was, that this network was measured to ignore; empty where the trigger has no place."""
    native: bool = False
    """Whether the triggered inputs hold the trigger by themselves, with nothing put on them."""
    beside: tuple["Truth", ...] = ()
    """The other flaws of the same network; known to the first case of a network alone, which stands for all of it."""

    def __repr__(self) -> str:
        return "<sealed Truth>"

    @property
    def target(self) -> int | None:
        """This flaw's target class, the main one of several; None where it has none."""
        return self.effect.target


@final
@dataclass(frozen=True)
class Case:
    """One planted flaw, or one clean network, to be examined."""

    id: str
    subject: Subject
    truth: Truth

    def _repr_html_(self) -> str:
        return html.words(f"Case {self.id}; the truth is sealed.") + self.subject._repr_html_()
