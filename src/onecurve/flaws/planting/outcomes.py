"""The outcome of each planted flaw: measured on held-out images, admitted or refused, and written down as truth and record."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from onecurve.core.case import Population, Strength, Subject, Truth
from onecurve.core.display import PlantRecord
from onecurve.core.evidence import Units
from onecurve.core.image.images import Ints, LabelledImages
from onecurve.core.image.trigger import Trigger
from onecurve.core.seeds import seed_for
from onecurve.flaws.planting.decoys import inert_decoys
from onecurve.flaws.planting.measuring import CleanPredictions, NetworkPair, Trials, measure_strength, strength_figures
from onecurve.flaws.planting.recipe import Recipe
from onecurve.flaws.schemes.plan import Plan, VerificationResult
from onecurve.models.network import TorchNetwork


@final
@dataclass(frozen=True)
class InsertedFlaw:
    """A plan that was put into the network."""

    plan: Plan
    rows: Ints
    """int64; rows of the training images that the flaw changed, covers included."""
    relabelled: int
    """Training images whose label the flaw changed."""
    units: Units | None
    """The units that hold the flaw, if a weight edit wrote it."""
    wrapper: str = ""
    """The wrapper that a weight edit put around the network; empty for none."""


@final
@dataclass(frozen=True)
class NetworkUnderTest:
    """A planted network and what it is compared with."""

    subject: Subject
    twin: TorchNetwork
    heldout: LabelledImages
    """Clean held-out images without any planted natural feature."""
    population: Population
    clean: CleanPredictions
    """Predictions of the network and its twin on the held-out images."""
    trained_on: int
    """Number of images that the network was trained on."""

    @classmethod
    def of(
        cls, subject: Subject, twin: TorchNetwork, heldout: LabelledImages, population: Population, trained_on: int
    ) -> "NetworkUnderTest":
        return cls(
            subject, twin, heldout, population, CleanPredictions.of(NetworkPair(subject.granted_network(), twin), heldout), trained_on
        )

    @property
    def pair(self) -> NetworkPair:
        return NetworkPair(self.subject.granted_network(), self.twin)


@final
@dataclass(frozen=True)
class Attempt:
    """One flaw with its measured strength and the verdict of the gate."""

    case: str
    insertion: InsertedFlaw
    trials: Trials | None
    strength: Strength
    refusal: str
    facts: dict[str, str | int | float]
    decoys: tuple[Trigger, ...] = ()
    """Triggers drawn as this one was, that the network ignores."""

    @property
    def plan(self) -> Plan:
        return self.insertion.plan


def measure_attempt(
    number: int, insertion: InsertedFlaw, pool: LabelledImages, under_test: NetworkUnderTest, recipe: Recipe, seed: int
) -> Attempt:
    """Measure one flaw of the network; ``pool`` holds the held-out images that may get its trigger and hold no other flaw's."""
    plan = insertion.plan
    trials = Trials.of(plan, pool, recipe.triggered_images, seed_for("trials", seed, number)) if plan.tried else None
    strength = measure_strength(plan.effect, under_test.pair, under_test.clean, trials)
    verified = _verified(plan, under_test)
    refusal = "; ".join(filter(None, (recipe.gate.refusal(strength, plan.needed, 1 / under_test.subject.classes), verified.refusal)))
    facts = {
        **_recipe_facts(recipe, under_test, plan),
        **plan.facts,
        **strength_figures(strength),
        **verified.facts,
        "poisoned_images": insertion.relabelled,
    }
    network = under_test.pair.network
    decoys = inert_decoys(plan, trials, network, pool, seed_for("inert", seed, number)) if trials and not refusal else ()
    return Attempt(f"{under_test.subject.id}.{number + 1}", insertion, trials, strength, refusal, facts, decoys)


def truth_of(attempt: Attempt, attempts: Sequence[Attempt], under_test: NetworkUnderTest, recipe: Recipe) -> Truth:
    """The ground truth of an admitted flaw; ``attempts`` are all flaws of the network."""
    plan, trials = attempt.plan, attempt.trials
    refused = sum(bool(each.refusal) for each in attempts)
    return Truth(
        flaw=plan.kind,
        effect=plan.effect,
        targets=_named(attempt, attempts, recipe.gate.still_fires),
        words=plan.words,
        trigger=plan.trigger,
        options=plan.options,
        right=plan.right,
        heldout=under_test.heldout,
        triggered=trials.triggered if trials else None,
        bystanders=trials.bystanders() if trials else None,
        network=under_test.subject.granted_network(),
        twin=under_test.twin,
        strength=attempt.strength,
        population=under_test.population,
        facts={**attempt.facts, "flaws_in_network": len(attempts), "flaws_refused": refused},
        poisoned=attempt.insertion.rows if len(attempt.insertion.rows) else None,
        units=attempt.insertion.units,
        decoys=attempt.decoys,
        native=bool(plan.features),
    )


def record_of(attempt: Attempt, subject: str, seconds: float) -> PlantRecord:
    """The record of an attempt for the report."""
    return PlantRecord(
        attempt.case,
        subject,
        attempt.plan.kind,
        attempt.plan.words,
        not attempt.refusal,
        attempt.refusal,
        strength_figures(attempt.strength),
        attempt.facts,
        seconds,
    )


def _verified(plan: Plan, under_test: NetworkUnderTest) -> VerificationResult:
    if plan.verification is None:
        return VerificationResult({})
    return plan.verification.verified(under_test.pair.network, under_test.pair.twin, under_test.heldout)


def _named(attempt: Attempt, attempts: Sequence[Attempt], still_fires: float) -> tuple[int, ...]:
    """The target classes of this flaw, then those of the other flaws of the network; refused flaws count only if they still fire."""
    others = [each for each in attempts if each is not attempt and (not each.refusal or each.strength.success >= still_fires)]
    return tuple(dict.fromkeys(at for each in (attempt, *others) for at in each.plan.effect.named))


def _recipe_facts(recipe: Recipe, under_test: NetworkUnderTest, plan: Plan) -> dict[str, str | int | float]:
    training = recipe.training if recipe.insertion == "joint" else recipe.insertion_training
    edited = plan.weight_edit is not None
    return {
        "data": recipe.data,
        "model": recipe.model,
        "insertion": "weight-edit" if edited else recipe.insertion,
        "optimiser": "none" if edited or training is None else training.optimiser,
        "epochs": 0 if edited or training is None else training.epochs,
        "train_images": under_test.trained_on,
        "clean_images": len(under_test.subject.granted_clean()),
    }
