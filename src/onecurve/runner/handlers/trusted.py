"""Trusted jobs: plant, ask, grade. The only place where a truth is opened; no tool or solver runs here, and of readers only a task's usual
one, on noise, to make a floor.
"""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import asdict, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from onecurve.core.access import Access
from onecurve.core.answer import Answer, Rebuilt, checked
from onecurve.core.case import Case, Population
from onecurve.core.codec import digest
from onecurve.core.errors import OneCurveError
from onecurve.core.grade import Measured
from onecurve.core.network import RememberingNetwork
from onecurve.core.question import Form, Question
from onecurve.core.roles import TOLD, Task
from onecurve.core.seeds import seed_for
from onecurve.core.spec import content_key, spec_of
from onecurve.data.catalog import open_data
from onecurve.data.dataset import DataSet
from onecurve.data.own_images import OwnImages
from onecurve.flaws.catalog import CONTROLS, FLAWS
from onecurve.flaws.planting.displays import display
from onecurve.flaws.planting.plant import Planted, plant
from onecurve.flaws.planting.recipe import Recipe
from onecurve.flaws.planting.sampling import Distribution, drawn_networks
from onecurve.flaws.planting.storage import load_case, save_planted
from onecurve.flaws.planting.trainers import ALONE, Trainer, planted_together
from onecurve.models.building import build_with_notes, identity, is_file_address
from onecurve.models.cache import Cache
from onecurve.models.network import TorchNetwork, torch_module
from onecurve.models.storage import load_network, load_subject
from onecurve.models.timing import EXAMPLES, pass_seconds
from onecurve.runner.engine.processes import memory_limited
from onecurve.runner.floors import FLOORS, budget_name
from onecurve.runner.handlers.lineups import Conditions, trials_of
from onecurve.runner.handlers.repair_scale import RepairScale, Trained, repair_scale
from onecurve.runner.recipes import recipe_of
from onecurve.store.blobs import Blobs
from onecurve.tasks.catalog import TASKS
from onecurve.tasks.machinery.controls import noise_evidence, oracle_evidence
from onecurve.tasks.machinery.reference_points import ReferencePoints, reference_points
from onecurve.tasks.machinery.suspects import suspects_of

LATER = TOLD | Access.REFERENCES
"""Grants that come with a question or a suite, not with a subject."""


def sample(distribution: Mapping[str, Any], count: int, seed: int) -> dict[str, Any]:
    """Draw networks from the distribution of a suite; see ``flaws.sampling``."""
    sizes = {int(size): weight for size, weight in distribution["flaws_per_network"].items()}
    whole = Distribution(**{**distribution, "flaws_per_network": sizes})
    return {"networks": [asdict(draw) for draw in drawn_networks(whole, count, seed)]}


def planting_facts(recipes: list[dict[str, Any]], flaws: list[str]) -> dict[str, Any]:
    """Per recipe the classes of its set and a key, per flaw a key and whether it has an effect; and what is told of a person's own.

    Keys change with anything that changes what is planted, defaults included: raises ``DataError`` where a set cannot be
    opened, ``UsageError`` for what does not exist.
    """
    known = [recipe_of(recipe) for recipe in recipes]
    sets = {recipe.data: open_data(recipe.data) for recipe in known}
    keys = [content_key(recipe, sets[recipe.data].key, identity(recipe.model)) for recipe in known]
    return {
        "recipes": [{"key": key, "classes": len(sets[recipe.data].class_names)} for recipe, key in zip(known, keys, strict=True)],
        "flaws": {flaw: {"key": spec_of(FLAWS.make(flaw)).key, "control": flaw.partition("[")[0] in CONTROLS} for flaw in flaws},
        "told": list(dict.fromkeys(line for recipe in known for line in _told(recipe, sets[recipe.data]))),
    }


def _told(recipe: Recipe, dataset: DataSet) -> tuple[str, ...]:
    """What a person should know before anything runs: of their own images, and what was done to their own network."""
    images = dataset.card if isinstance(dataset, OwnImages) else ()
    if not is_file_address(recipe.model):
        return images
    notes = build_with_notes(recipe.model, dataset.shape, len(dataset.class_names), 0).notes
    return (*images, *(f"{recipe.model}: {note}" for note in notes))


def plant_network(
    flaws: list[str],
    recipe: Mapping[str, Any],
    seed: int,
    subject: str,
    folder: str,
    cache: str,
    population: Mapping[str, Any],
    casings: list[str],
) -> dict[str, Any]:
    """Plant flaws in one network and keep subject and sealed truths; returns what was admitted."""
    weights = Cache(Path(cache))
    made = _planted(
        {"flaws": flaws, "recipe": recipe, "seed": seed, "subject": subject, "population": population, "casings": casings}, weights
    )
    return {**_kept(made, Path(folder)), "healed": weights.healed}


def plant_networks(networks: list[dict[str, Any]], folder: str, cache: str) -> dict[str, Any]:
    """Plant several networks whose trainings take place as one; each is kept in a folder of its own below ``folder``.

    ``networks`` are what ``plant_network`` takes of each. Returns by name what it returns, or the reason why one was not planted.
    """
    weights = Cache(Path(cache))
    made = planted_together([partial(_planted, network, weights) for network in networks])
    found: dict[str, Any] = {}
    for network, one in zip(networks, made, strict=True):
        name = network["subject"]
        found[name] = {"reason": _why(one)} if isinstance(one, Exception) else _kept(one, Path(folder) / name)
    return {"networks": found, "healed": weights.healed}


def _planted(network: Mapping[str, Any], weights: Cache, trainer: Trainer = ALONE) -> Planted:
    return plant(
        [FLAWS.make(flaw) for flaw in network["flaws"]],
        recipe_of(network["recipe"]),
        network["seed"],
        subject_id=network["subject"],
        population=Population(**network["population"]),
        cache=weights,
        casings=network["casings"],
        trainer=trainer,
    )


def _kept(planted: Planted, folder: Path) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    save_planted(folder, planted)
    return {"cases": [case.id for case in planted.cases], "records": [record.plain() for record in planted.records]}


def _why(error: Exception) -> str:
    return error.message if isinstance(error, OneCurveError) else f"raised {type(error).__name__}: {error}"


def prepare(
    folder: str,
    case: str,
    tasks: list[str],
    first: bool,
    seed: int,
    population: Mapping[str, Any],
    trained: Mapping[str, Any],
    blobs: Mapping[str, str],
) -> dict[str, Any]:
    """Ask every task of a case and measure floor and ceiling; a task about the whole network only of its first case.

    ``population`` is that of the run's admitted networks, with the clean share that the design announces. What is stored with a network
    is what was wanted when it was planted, maybe for another suite. ``trained`` are the fields of ``repair_scale.Trained``. Questions go
    into the folder ``blobs["open"]``, what is made from the ground truth into ``blobs["sealed"]``.
    """
    opened, means = _case(folder, case, trained["device"]), Trained(**trained)
    admitted = replace(opened.truth.population, **population)
    opened = replace(opened, truth=replace(opened.truth, population=admitted))
    kept, shut = Blobs(Path(blobs["open"])), Blobs(Path(blobs["sealed"]))
    asked, suspects = {}, None
    for address in tasks:
        task: Task = TASKS.make(address)
        name = type(task).name
        if first or not task.blind:
            # Tasks that show suspects show the same ones, so that one look serves them all.
            drawn_by = "suspects" if Access.SUSPECTS in task.tells else name
            asked[name] = _asked(task, opened, seed_for(seed, case, drawn_by), means, (kept, shut))
            if task.form is Form.PIXELS and "question" in asked[name]:
                suspects = kept.get(asked[name]["question"]).inputs
    shown = display(opened, suspects, None if suspects is None else suspects_of(opened.truth).shown_as(suspects).masks)
    return {
        "case": case,
        "flaw": opened.truth.flaw,
        "classes": list(opened.subject.class_names),
        "facts": dict(opened.truth.facts),
        "tasks": asked,
        "display": shut.put(shown),
    }


def grade(
    folder: str, case: str, task: str, question: str, answer: Mapping[str, str], blobs: str, device: str, memory_mb: float
) -> dict[str, Any]:
    """Measure one kept answer: `weights` by blob key, or a `network` by the key of its file.

    A network that was handed back may take ``memory_mb`` to load and to run, on the CPU; with more, the answer has failed.
    """
    opened = _case(folder, case, device)
    kept = Blobs(Path(blobs))
    asked: Question = kept.get(question)
    limited = "network" in answer and device == "cpu"
    with memory_limited(memory_mb) if limited else nullcontext():
        given = _given(opened, answer, kept, device)
        measured = TASKS.make(task).measure(opened, asked, checked(asked, given))
    return {"raw": measured.raw, "figures": dict(measured.figures)}


def scale(named: str, folder: str, case: str, task: str, question: str, blobs: str, population: Mapping[str, Any]) -> dict[str, Any]:
    """Measure floor and ceiling of a question that was asked, and tell the flaw and the facts of its case.

    ``population`` is that of the examined networks; its announced share of clean ones is the one that the question tells. ``named`` is
    what the rows call the case. Where floors are made by training, neither is measured.
    """
    opened, asked, kind = _case(folder, case, "cpu"), Blobs(Path(blobs)).get(question), TASKS.make(task)
    told = {"flaw": opened.truth.flaw, "facts": dict(opened.truth.facts)}
    if kind.form.noise_floored:
        return told
    prior = getattr(asked, "prior", None)
    known = replace(opened.truth.population, **population, announced=None if prior is None else prior[-1])
    points = reference_points(kind, replace(opened, truth=replace(opened.truth, population=known)), asked)
    return {"floor": _plain(points.floor), "ceiling": _plain(points.ceiling), **told}


def _given(case: Case, answer: Mapping[str, str], kept: Blobs, device: str) -> Answer:
    if "network" in answer:
        return _rebuilt(case, kept.checked_file(answer["network"]), device)
    weights: Answer = kept.get(answer["weights"])
    return weights


def time_pass(folder: str) -> dict[str, Any]:
    """Processor seconds of one example's pass forward through a planted network."""
    subject = load_subject(Path(folder) / "subject")
    network = subject.granted_network()
    assert isinstance(network, TorchNetwork)
    return {"seconds": pass_seconds(network, subject.input_shape), "examples": EXAMPLES}


def _asked(task: Task, case: Case, seed: int, trained: Trained, kept: tuple[Blobs, Blobs]) -> dict[str, Any]:
    blobs, sealed = kept
    about = {"blind": task.blind, "rebuilds": task.form.rebuilds}
    refusal = task.refusal(case.truth)
    if refusal:
        return {"refusal": refusal, **about}
    try:
        question = task.pose(case, seed)
        known = reference_points(task, case, question)
        scale = repair_scale(task, case, question, known, seed, trained) if task.form.noise_floored else None
    except OneCurveError as error:
        return {"refusal": error.message, **about}
    granted = case.subject.access & ~LATER | question.brief.tells
    planted = case.truth.trigger is not None or case.truth.effect.any
    return {
        "question": blobs.put(question),
        "brief": blobs.put(question.brief),
        "brief_digest": digest(question.brief),
        "granted": granted.value,
        **about,
        "version": type(task).version,
        **_scale(known, scale),
        "oracle": sealed.put(oracle_evidence(case.truth, question.brief)) if planted else "",
        "noise": sealed.put(noise_evidence(case.truth, seed, question.brief)) if planted else "",
    }


def _scale(known: ReferencePoints, scale: RepairScale | None) -> dict[str, Any]:
    """Floor and ceiling in plain values, and where floors depend on the retrain budget, each by its budget."""
    if scale is None:
        return {"floor": _plain(known.floor), "ceiling": _plain(known.ceiling)}
    floors = {budget_name(budget): _plain(floor) for budget, floor in scale.floors.items()}
    return {"floor": _plain(scale.floors[max(scale.floors)]), "ceiling": _plain(scale.ceiling), FLOORS: floors}


def _plain(measured: Measured) -> dict[str, Any]:
    return {"raw": measured.raw, "figures": dict(measured.figures)}


def _rebuilt(case: Case, file: Path, device: str) -> Rebuilt:
    return Rebuilt(load_network(file, torch_module(case.subject), device))


@lru_cache(maxsize=8)
def _case(folder: str, case: str, device: str) -> Case:
    # Cases are never changed, and most jobs of a worker concern the few that are being graded now.
    loaded = load_case(Path(folder), case, device)
    truth = loaded.truth
    return replace(loaded, truth=replace(truth, network=RememberingNetwork(truth.network), twin=RememberingNetwork(truth.twin)))


def lay_out(kind: str, recipe: Mapping[str, Any], seed: int, conditions: Mapping[str, Any], blobs: str, folder: str) -> dict[str, Any]:
    """Make the lineups that readers are calibrated on and keep questions and evidence in ``folder``.

    ``conditions`` are the fields of ``lineups.Conditions`` with keys of evidence in place of evidence. The right options go back to the
    process that keeps the rows, and nowhere else.
    """
    seen = Blobs(Path(blobs))
    tried = Conditions(**{**conditions, "seen": [(tool, seen.get(key)) for tool, key in conditions["seen"]]})
    kept = Blobs(Path(folder))
    trials = [
        {
            "condition": trial.condition,
            "number": trial.number,
            "question": kept.put(trial.question),
            "evidence": kept.put(trial.evidence),
            "options": len(trial.question.options),
            "right": trial.right,
        }
        for trial in trials_of(kind, recipe_of(recipe), seed, tried)
    ]
    return {"trials": trials}


HANDLERS: Mapping[str, Callable[..., dict[str, Any]]] = {
    "sample": sample,
    "planting_facts": planting_facts,
    "lay_out": lay_out,
    "plant_network": plant_network,
    "plant_networks": plant_networks,
    "prepare": prepare,
    "time_pass": time_pass,
    "grade": grade,
    "scale": scale,
}
