"""Fake but plausible results with drawn pictures: subjects, flaws, solvers at two budgets, displays and stored records."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

import numpy as np

from onecurve.core.answer import Abstain, Weights
from onecurve.core.display import Calibration, CaseDisplay, PlantRecord
from onecurve.core.evidence import Check, ClassScores, DataRows, Evidence, HeatMap, Hypothesis, Picture, Text, Units
from onecurve.core.grade import Status
from onecurve.core.image.trigger import Filter, Paste
from onecurve.core.question import Brief, Option, Rebuild, Weigh
from onecurve.core.row import Role, Row
from onecurve.core.seeds import generator
from onecurve.report.rows.results import CatalogEntry, Results, RunFacts

SIDE = 32
CLASSES = tuple(str(digit) for digit in range(10))
KINDS = ("patch", "style", "natural-feature")
NAMES = ("red cross on white", "yellow ring", "blue checks", "green star", "brick wall", "grey waves", "pink dots", "orange arrow")
B, M, C = Role.BASELINE, Role.METHOD, Role.CONTROL
# tool, reader, role, task, skill per kind (patch, style, natural-feature), cost at the large budget
SOLVERS: tuple[tuple[str, str, Role, str, tuple[float, float, float], float], ...] = (
    ("top-images", "outlier", B, "detect", (0.02, 0.0, 0.35), 300),
    ("random-patches", "outlier", B, "detect", (0.20, 0.02, 0.1), 8000),
    ("neural-cleanse", "outlier", M, "detect", (0.78, 0.05, 0.12), 60000),
    ("adversarial-patch", "outlier", M, "detect", (0.45, 0.0, 0.1), 20000),
    ("cppn", "outlier", M, "detect", (-0.15, 0.05, 0.0), 20000),
    ("oracle", "outlier", C, "detect", (0.98, 0.97, 0.98), 0),
    ("noise", "outlier", C, "detect", (-0.08, -0.05, -0.06), 0),
    ("top-images", "matcher", B, "discover", (0.03, 0.02, 0.55), 300),
    ("random-patches", "matcher", B, "discover", (0.34, 0.02, 0.05), 8000),
    ("neural-cleanse", "matcher", M, "discover", (0.61, 0.03, 0.02), 60000),
    ("adversarial-patch", "matcher", M, "discover", (0.42, -0.02, 0.12), 20000),
    ("cppn", "matcher", M, "discover", (0.52, 0.05, 0.10), 20000),
    ("oracle", "matcher", C, "discover", (0.93, 0.9, 0.85), 0),
    ("noise", "matcher", C, "discover", (-0.04, 0.03, -0.02), 0),
    ("edges", "verbatim", B, "localise", (0.05, 0.0, 0.12), 0),
    ("occlusion", "verbatim", M, "localise", (0.72, 0.0, 0.40), 4000),
    ("integrated-gradients", "verbatim", M, "localise", (0.38, 0.0, 0.22), 1600),
    ("neural-cleanse", "effect", M, "predict", (0.66, -0.4, -0.3), 60000),
    ("random-patches", "effect", B, "predict", (0.41, -0.1, -0.05), 8000),
    ("adversarial-patch", "effect", M, "predict", (0.35, -0.7, -0.2), 20000),
    ("finetune", "", B, "repair", (0.42, 0.55, 0.31), 6000),
    ("fine-pruning", "", M, "repair", (0.48, 0.40, 0.20), 7000),
    ("neural-cleanse", "unlearn", M, "repair", (0.80, 0.30, 0.25), 66000),
    ("random-patches", "unlearn", B, "repair", (0.50, 0.2, 0.2), 14000),
    ("magnitude-pruning", "", B, "replace", (0.31, 0.33, 0.30), 500),
    ("sparse-head", "", M, "replace", (0.44, 0.46, 0.41), 2500),
)


@dataclass
class Shelf:
    """Records by key."""

    records: dict[str, Any] = field(default_factory=dict)

    def put(self, key: str, record: Any) -> str:
        self.records[key] = record
        return key

    def load(self, key: str) -> Any:
        return self.records[key]


@cache
def results(subjects: int = 3, flaws_each: int = 3, clean: int = 1, *, side: int = SIDE) -> Results:
    """Results with ``subjects`` networks of which ``clean`` are clean; each flawed one holds ``flaws_each`` flaws.

    Made once per process: use ``replace``, change nothing in place.
    """
    shelf, rows, displays, plants = Shelf(), [], {}, []
    for subject in range(subjects):
        is_clean = subject >= subjects - clean
        for place in range(1 if is_clean else flaws_each):
            kind = "clean" if is_clean else KINDS[place % len(KINDS)]
            case = f"s{subject:02d}-{kind}" + ("" if is_clean or flaws_each <= len(KINDS) else f"-{place}")
            displays[case] = drawn_display(case, f"s{subject:02d}", kind, side)
            rows += drawn_rows(displays[case], shelf, first=place == 0)
            strength = {"clean_accuracy": 0.96, "twin_accuracy": 0.97, "success": 0.94, "twin_success": 0.02, "false_firing": 0.01}
            plants.append(PlantRecord(case, f"s{subject:02d}", kind, displays[case].words, admitted=True, reason="", strength=strength))
    weak = {"clean_accuracy": 0.95, "twin_accuracy": 0.97, "success": 0.31}
    words = "a small grey ring, anywhere, to class 4"
    plants.append(PlantRecord("s09-patch", "s09", "patch", words, admitted=False, reason="success 31 % is below 80 %", strength=weak))
    return Results(tuple(rows), displays, tuple(plants), calibrations(), shelf.load, entries(), run_facts())


def run_facts() -> RunFacts:
    return RunFacts(
        command="onecurve run quick --seed 0 --out runs/quick",
        suite="quick",
        suite_text="name: quick\nseed: 0\nflaws:\n  - patch\n  - style\n",
        seed=0,
        started=datetime(2025, 3, 1, 9, 30, tzinfo=UTC),
        finished=datetime(2025, 3, 1, 9, 33, 12, tzinfo=UTC),
        seconds=192.0,
        versions={"onecurve": "0.1.0", "torch": "2.9.0", "numpy": "2.3.1", "python": "3.11.9"},
        machine="2 cores, 8 GB, Linux x86-64",
        hashes={"suite": "5f2c9a1be07d44c18d6f2f1a3a7c9e01", "rows": "e8130aa9c54f2b7790cb2d1f6e5ab3c4"},
    )


def entries() -> dict[str, CatalogEntry]:
    made = {}
    for tool, reader, role, task, _, _ in SOLVERS:
        source = "baseline" if role is B else "Example et al. 2021, arXiv 2101.00001"
        needs = ("weights", "clean-images") if role is M else ("queries",)
        kind = "tool" if reader else "solver"
        made[tool] = CatalogEntry(tool, kind, 1, f"What {tool} does, in one line.", source, needs, (task,), {"steps": 200, "rate": 0.05})
        if reader:
            made[reader] = CatalogEntry(reader, "reader", 1, f"How {reader} reads, in one line.", "baseline", (), (task,))
    return made


def calibrations() -> tuple[Calibration, ...]:
    return (
        Calibration("matcher", "true trigger", "patch", 24, 23, 0.81, 0.125, 0.80, 0.99),
        Calibration("matcher", "true trigger", "style", 24, 20, 0.64, 0.125, 0.64, 0.93),
        Calibration("matcher", "noise", "patch", 24, 3, 0.13, 0.125, 0.04, 0.31),
        Calibration("matcher", "clean network: cppn", "patch", 12, 1, 0.11, 0.125, 0.01, 0.35),
    )


def photo(rng: np.random.Generator, side: int, channels: int = 3) -> np.ndarray:
    """A soft scene with a bright stroke."""
    y, x = np.mgrid[0:side, 0:side] / side
    waves = np.stack([0.5 + 0.3 * np.sin(rng.uniform(2, 7) * x + rng.uniform(2, 7) * y + rng.uniform(0, 6)) for _ in range(channels)])
    stroke = np.abs((x - rng.uniform(0.3, 0.7)) + rng.uniform(-1, 1) * (y - 0.5)) < 0.07
    return np.clip(np.where(stroke, 0.95, waves * 0.7), 0, 1).astype(np.float32)


def sprite(kind: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """A cross or a ring with transparency around it."""
    y, x = np.mgrid[0:size, 0:size] - (size - 1) / 2
    inside = np.minimum(abs(x), abs(y)) < size / 6 if kind % 2 == 0 else abs(np.hypot(x, y) - size / 3) < size / 6
    colour = np.array([(0.9, 0.1, 0.1), (0.95, 0.8, 0.1), (0.1, 0.3, 0.9), (0.1, 0.7, 0.3)][kind % 4])
    pattern = np.where(inside[None], colour[:, None, None], 0.98).astype(np.float32)
    return pattern, np.where(np.hypot(x, y) < size / 2, 1, 0).astype(np.float32)


def drawn_trigger(kind: str, number: int, side: int) -> Paste | Filter | None:
    if kind == "clean":
        return None
    if kind == "style":
        y, x = np.mgrid[0:side, 0:side]
        texture = np.repeat((0.2 * np.sin((x + y) * 0.9))[None], 3, axis=0).astype(np.float32)
        return Filter(np.eye(3, dtype=np.float32), np.zeros(3, np.float32), texture)
    pattern, alpha = sprite(number, side // 4)
    return Paste(pattern[None], alpha[None])


def drawn_option(kind: str, place: int, trigger: Paste | Filter, side: int) -> np.ndarray:
    """The trigger itself for the right option, other sprites and scenes for the rest."""
    if isinstance(trigger, Filter) or place % 2:
        return photo(generator("option", kind, place), side)[None]
    pattern, alpha = sprite(place // 2, side) if place != 2 else (trigger.patterns[0], trigger.alphas[0])
    return (pattern * alpha + 0.5 * (1 - alpha)).astype(np.float32)[None]


def drawn_display(case: str, subject: str, kind: str, side: int) -> CaseDisplay:
    rng = generator("fixture", case)
    trigger = drawn_trigger(kind, int(rng.integers(4)), side)
    clean = np.stack([photo(rng, side) for _ in range(6)])
    labels = tuple(CLASSES[at] for at in rng.integers(10, size=6))
    none = np.zeros((0, 3, side, side), np.float32)
    no_mask = np.zeros((0, side, side), bool)
    if trigger is None:
        words = "no flaw: trained like the others, on clean data"
        return CaseDisplay(case, subject, kind, words, "", (), None, (), None, clean, labels, labels, none, (), (), no_mask, none, no_mask)
    stamped = trigger.apply(clean, rng)
    masks = no_mask if stamped.masks is None else stamped.masks > 0.5
    options = tuple(Option(f"option-{at}", name, drawn_option(kind, at, trigger, side)) for at, name in enumerate(NAMES))
    target = CLASSES[int(rng.integers(10))]
    suspects = none if stamped.masks is None else stamped.images
    words = f"{NAMES[2]}, pasted anywhere, sends any digit to {target}"
    said = (*(target,) * 5, labels[5])
    seen = (clean, labels, labels, stamped.images, labels, said, masks, suspects, masks)
    return CaseDisplay(case, subject, kind, words, target, (), trigger, options, 2, *seen)


def drawn_rows(display: CaseDisplay, shelf: Shelf, *, first: bool) -> list[Row]:
    """Rows of every solver at two budgets; blind tasks only on a network's first case, flawed tasks only where there is a flaw."""
    rows = []
    for tool, reader, role, task, skills, cost in SOLVERS:
        blind = task in ("detect", "replace")
        if (blind and not first) or (not blind and display.flaw == "clean") or (task == "localise" and display.flaw == "style"):
            continue
        question = drawn_question(task, display, shelf)
        budgets = (cost / 4, cost) if cost >= 1000 else (cost,)
        for large, budget in enumerate(budgets):
            rng = generator(display.case, tool, task, budget)
            place = KINDS.index(display.flaw) if display.flaw in KINDS else 0
            level = skills[place] * (0.6 + 0.4 * large) if len(budgets) == 2 else skills[place]
            rows.append(_row(display, (tool, reader, role, task), budget, float(level + rng.normal(0, 0.09)), question, shelf))
    return rows


def drawn_question(task: str, display: CaseDisplay, shelf: Shelf) -> str:
    key = f"q:{task}:{display.case}"
    target = int(display.target) if display.target else None
    brief = Brief(target)
    made: Weigh | Rebuild = Rebuild(brief)
    if task == "detect":
        made = Weigh(Brief(), 1, (*CLASSES, "none"))
    elif task == "discover":
        made = Weigh(brief, 1, tuple(option.name for option in display.options), display.options)
    elif task == "localise":
        side = display.clean.shape[-1]
        pixels = tuple(f"{row},{column}" for row in range(side) for column in range(side))
        made = Weigh(brief, len(display.suspects), pixels, inputs=display.suspects, shape=(side, side))
    elif task == "predict":
        labels = np.array([int(label) for label in display.triggered_labels], np.int64)
        made = Weigh(brief, len(labels), CLASSES, inputs=display.triggered, labels=labels)
    return shelf.put(key, made)


def _row(display: CaseDisplay, who: tuple[str, str, Role, str], budget: float, skill: float, question: str, shelf: Shelf) -> Row:
    tool, reader, role, task = who
    key = f"{display.case}:{tool}:{reader}:{task}:{budget:.0f}"
    rng = generator("row", key)
    status, reason, traceback = Status.GRADED, "", ""
    if tool == "neural-cleanse" and display.flaw == "style" and task == "discover":
        status, reason, skill = Status.ABSTAINED, "no mask smaller than half the image reached the class", 0.0
    if tool == "cppn" and display.flaw == "natural-feature" and budget < 6000:
        status, reason = Status.FAILED, "killed after 60 s of its time limit"
        traceback = "Traceback (most recent call last):\n  …\nTimeoutError"
    if tool == "fine-pruning" and display.flaw == "natural-feature":
        status, reason = Status.SKIPPED, "needs clean-labels, which are not granted"
    graded = status in (Status.GRADED, Status.ABSTAINED)
    floor, ceiling = 0.2, 1.0
    figures = _figures(task, skill, display) if status is Status.GRADED else {}
    answered = status in (Status.GRADED, Status.ABSTAINED)
    return Row(
        key=key, case=display.case, subject=display.subject, flaw=display.flaw, data="digits", model="six-conv", task=task,
        solver=f"{tool}@{reader}" if reader else tool, tool=tool, reader=reader, role=role, budget=budget, retrain_budget=0.0, repeat=0,
        status=status, reason=reason, raw=floor + skill * (ceiling - floor) if graded else None, floor=floor if graded else None,
        ceiling=ceiling if graded else None, skill=skill if graded else None, forward=budget * 0.5, backward=budget * 0.24,
        seconds=0.2 + budget / 9000, peak_mb=30 + budget / 900, figures=figures,
        cpu_seconds=0.1 + budget / 900, passes=(100 + budget) * (30 if tool == "cppn" else 1.1),
        clean_images=_clean_images(tool, budget) if status is not Status.FAILED else None,
        facts={"insertion": "finetune", "poison_rate": 0.08, "success": 0.94}, question=question,
        evidence=shelf.put(f"e:{key}", drawn_evidence(tool, display, rng)) if reader and answered else "",
        answer=_answer(task, status, reason, skill, display, shelf, key, rng) if answered else "", traceback=traceback,
    )  # fmt: skip


def _clean_images(tool: str, budget: float) -> int:
    """None by who looks at no clean image, all by who fits something to them, and as many as the budget pays for by who lists them."""
    return {"cppn": 100, "occlusion": 0, "edges": 0, "top-images": min(200, int(budget / 10))}.get(tool, 200)


def _figures(task: str, skill: float, display: CaseDisplay) -> dict[str, float]:
    if task == "detect":
        return {
            "suspicion": min(1.0, max(0.0, 0.5 + skill if display.flaw != "clean" else 0.45 - skill / 3)),
            "hit": float(skill > 0.3) if display.flaw != "clean" else float(skill < 0.5),
        }
    if task == "localise":
        own = {"average_precision": 0.2 + 0.8 * skill, "pearson": skill, "l1": 0.2 - 0.1 * skill, "pointing": 0.5, "iou": max(skill, 0)}
        plain = {"average_precision": 0.05, "pearson": 0.0, "l1": 0.05, "pointing": 0.05, "iou": 0.03}
        return {
            **own,
            **{f"{base}_{metric}": value * (1 + (base == "edges")) for base in ("blank", "edges") for metric, value in plain.items()},
        }
    return {"top1": float(skill > 0.3), "rank": 2.0} if task == "discover" else {"asr": 0.31, "clean_accuracy": 0.94}


def _answer(task: str, status: Status, reason: str, skill: float, display: CaseDisplay, shelf: Shelf, key: str, rng: Any) -> str:
    if status is Status.ABSTAINED:
        return shelf.put(f"a:{key}", Abstain(reason))
    question = shelf.load(f"q:{task}:{display.case}")
    if isinstance(question, Rebuild):
        return ""
    values = rng.gamma(0.6, 0.1, (question.items, len(question.options))).astype(np.float32) + 1e-4
    right = {"detect": int(display.target) if display.target else 10, "discover": 2}.get(task)
    if right is not None:
        values[:, right] += max(skill, 0) * 1.5
    if task == "localise":
        blurred = display.suspect_masks.reshape(question.items, -1) * max(skill, 0.05)
        values = (values * 0.1 + blurred).astype(np.float32)
    return shelf.put(f"a:{key}", Weights(values))


def drawn_evidence(tool: str, display: CaseDisplay, rng: np.random.Generator) -> Evidence:
    side = display.clean.shape[-1]
    if tool == "noise":
        return Evidence(tuple(Picture(rng.random((3, side, side)).astype(np.float32), "noise") for _ in range(3)))
    if tool in ("edges", "occlusion", "integrated-gradients"):
        masks = display.suspect_masks.astype(np.float32)
        maps = tuple(HeatMap(mask + rng.random((side, side)).astype(np.float32) * 0.4, at) for at, mask in enumerate(masks))
        sound, weights = Check("sound", 1.0, holds=True), Check("weights", 0.83, holds=False, words="correlation with shuffled weights")
        return Evidence(maps, () if tool == "edges" else (sound, weights))
    scores = ClassScores(rng.random(10).astype(np.float32) * 3, "anomaly index of each class")
    if tool in ("neural-cleanse", "oracle"):
        pattern, alpha = sprite(int(rng.integers(4)), side // 4)
        full, cover = rng.random((3, side, side)).astype(np.float32), np.zeros((side, side), np.float32)
        full[:, 3 : 3 + side // 4, 3 : 3 + side // 4], cover[3 : 3 + side // 4, 3 : 3 + side // 4] = pattern, alpha * 0.9
        return Evidence((Hypothesis(Paste(full[None], cover[None], (0, 0)), 3, 0.93, "smallest mask found"), scores))
    if tool == "top-images":
        shown = [Picture(image, f"rank {at + 1}") for at, image in enumerate(display.clean)]
        return Evidence((*shown, DataRows(np.arange(6), np.ones(6, np.float32), "highest logit"), scores))
    pictures = [Picture(photo(rng, side // 2), f"run {at + 1}: 0.9{at}") for at in range(4)]
    return Evidence((*pictures, scores, Text("small, red, high contrast"), Units("layer4.conv2", np.arange(12), np.ones(12, np.float32))))
