"""The table by which an audit decides which look comes next: what each look has found of planted flaws, by the time that it had.

    python benchmarks/audit_yields.py [AUDIT …] [--seeds 2] [--strength 0.3] [--out src/onecurve/auditing/yields.csv]

Flaws come from three places: the networks of the zoo, networks on `shapes` with flaws of other kinds and seeds that are planted for this,
and the copies of audits that measured their power (folders of `onecurve audit --power`). A flaw counts that changes at least so many of
its images, over what the clean network does, as ``--strength`` says; one that did not take is nothing to find. A look has found it if a
verified finding of it, of a kind that such flaws give, names the class. On planted networks each look is made alone, three times, with the
shares ``LEVELS`` of the time that it needs by the pace of the machine. In audits the share is that of its passes, and looks that had less
than a twentieth are left out. The command prints the table with exact intervals.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from torch import nn

import onecurve
from onecurve.auditing.catalog import looks
from onecurve.auditing.examined import Examined, metered
from onecurve.auditing.finding import Finding, Standing, corrected
from onecurve.auditing.look import Look
from onecurve.auditing.looks.machinery.effort import pairs_per_second
from onecurve.auditing.power.copies import FACTS
from onecurve.auditing.power.spikes import FOUND_BY, SpikeKind
from onecurve.auditing.result import Stage
from onecurve.auditing.stages import Course, make_stages
from onecurve.auditing.storage import stage_in
from onecurve.auditing.yields import LEVELS, TABLE, level_of, write_counts
from onecurve.core.case import Case, Population
from onecurve.core.image.images import LabelledImages
from onecurve.flaws.catalog import FLAWS
from onecurve.flaws.planting.gate import Gate
from onecurve.flaws.planting.plant import plant
from onecurve.flaws.planting.recipe import Recipe
from onecurve.flaws.zoo.manifest import manifest
from onecurve.models.cache import Cache
from onecurve.models.metering import unmetered
from onecurve.models.network import torch_module
from onecurve.models.steps import TrainingRecipe
from onecurve.runner.session import Silent
from onecurve.statistics.detection_curve import exact_share

ALPHA: Final = 0.05
LEAST: Final = 0.05
FRESH: Final = 600
OPEN: Final = Gate(strictness=0.0, clean_drop=1.0, above_chance=-1.0, elsewhere=1.0, near_miss=1.0, disturbance=1.0)
KINDS: Final = {
    "patch": SpikeKind.PATCH,
    "style": SpikeKind.WHOLE_IMAGE,
    "sinusoid": SpikeKind.WHOLE_IMAGE,
    "spurious": SpikeKind.SHORTCUT,
    "missing-subgroup": SpikeKind.GROUP,
}
"""What each planted flaw is to an audit; others are no kind that it plants in copies."""
OWN: Final = ("style", "sinusoid", "spurious[look=colour]", "spurious[look=background]")
"""Planted on `shapes`, in addition to the zoo."""
Trial = tuple[str, str, int, bool]
"""Look, kind, level, and whether it was found."""


def main() -> None:
    """Count, write and print."""
    asked = _arguments()
    counts: dict[str, dict[str, list[list[int]]]] = defaultdict(lambda: defaultdict(lambda: [[0, 0] for _ in LEVELS]))
    for look, kind, level, found in all_trials(asked.audits, asked.seeds, asked.strength):
        counts[look][kind][level][0] += found
        counts[look][kind][level][1] += 1
    table = {look: {kind: tuple((one[0], one[1]) for one in tried) for kind, tried in some.items()} for look, some in counts.items()}
    write_counts(table, asked.out)
    for look, some in sorted(table.items()):
        for kind, tried in sorted(some.items()):
            print(f"{look:15} {kind:12}", "   ".join(_words(level, *pair) for level, pair in zip(LEVELS, tried, strict=True)))


def all_trials(audits: list[Path], seeds: int, strength: float) -> Iterator[Trial]:
    """Those of the zoo, of own networks and of the audits."""
    for case in [*zoo_cases(), *own_cases(seeds)]:
        took = np.nan_to_num(case.truth.strength.success - np.nan_to_num(case.truth.strength.twin_success))
        print(f"{case.truth.words}: strength {took:.2f}", flush=True)
        if took >= strength:
            yield from planted_trials(case)
    for folder in audits:
        yield from audited_trials(folder, strength)


def zoo_cases() -> Iterator[Case]:
    """Every network of the zoo with a flaw of one of ``KINDS``."""
    kinds = [network.kind for network in manifest("digits").examined]
    for kind in KINDS:
        for number in range(kinds.count(kind)):
            yield onecurve.open_zoo(kind, number=number)


def own_cases(seeds: int) -> Iterator[Case]:
    """So many networks with each flaw of ``OWN``."""
    for seed in range(seeds):
        for address in OWN:
            recipe = Recipe(
                data="shapes",
                model="six-conv",
                seed=seed,
                train_images=4000,
                pretraining=None,
                training=TrainingRecipe(4, batch_size=64),
                heldout_images=FRESH,
                triggered_images=100,
                gate=OPEN,
            )
            with TemporaryDirectory() as folder:
                flaw, even = FLAWS.make(address), Population(0.5, 1, 10)
                yield from plant([flaw], recipe, seed, subject_id="planted", population=even, cache=Cache(Path(folder))).cases


def planted_trials(case: Case) -> Iterator[Trial]:
    """Each look that can find the flaw, alone, with each share of the time that it needs."""
    kind, truth, names = KINDS[case.truth.flaw], case.truth, case.subject.class_names
    wanted = {names[label] for label in (truth.targets or np.flatnonzero(truth.effect.concerns(np.arange(len(names)))))}
    module, meter = metered(unmetered(torch_module(case.subject)).eval().requires_grad_(requires_grad=False), case.subject.input_shape)
    fresh = truth.heldout.take(slice(FRESH))
    examined = Examined(module, meter, names, case.subject.granted_clean(), fresh, labelled=True)
    for look in looks():
        if look.pairs(examined) == 0 or not _can(look, kind):
            continue
        for level, reach in enumerate(LEVELS):
            seconds = reach * look.pairs(examined) / pairs_per_second(examined)
            stages = make_stages([look], examined, Course(None, "yields", seconds), Silent())
            yield look.name, kind, level, any(_finds(one, look.name, kind, wanted) for one in _verified(stages))


def audited_trials(folder: Path, strength: float) -> Iterator[Trial]:
    """Each look that can find a flaw which the audit in the folder planted in a copy; what the network has itself is no find."""
    audit = json.loads((folder / "audit.json").read_text(encoding="utf-8"))["audit"]
    names, needs = audit["looked"]["classes"], needed(audit["looked"])
    copies = folder / "stages" / "copies"
    known = {one.id for one in _verified(own_stages(copies))}
    for name, told in audit["power"]["copies"].items():
        spikes = [one for one in told["spikes"] if one["strength"] >= strength and not told["sham"]]
        stages = stages_in(copies / name) if spikes else ()
        new = [one for one in _verified(stages) if one.id not in known]
        for spike in spikes:
            wanted = {names[spike["target"] if spike["source"] is None else spike["source"]]}
            for stage in stages:
                reach = _passes(stage) / needs[stage.look][1] if stage.look in needs else 0.0
                if reach >= LEAST and _can(needs[stage.look][0], spike["kind"]):
                    yield stage.look, spike["kind"], level_of(reach), any(_finds(one, stage.look, spike["kind"], wanted) for one in new)


def needed(looked: Mapping[str, Any]) -> dict[str, tuple[Look, float]]:
    """The looks that cost something, with the passes that each needs for a network with so many classes and images of that shape."""
    images = LabelledImages(np.zeros((looked["search"], *looked["shape"]), np.uint8), np.zeros(looked["search"], np.int64))
    module, meter = metered(nn.Identity(), tuple(looked["shape"]))
    examined = Examined(module, meter, tuple(looked["classes"]), images, images, labelled=looked["labelled"])
    return {look.name: (look, look.pairs(examined)) for look in looks() if look.pairs(examined) > 0}


def own_stages(copies: Path) -> tuple[Stage, ...]:
    """Those of the network itself, which lies among its copies and was not planted."""
    (own,) = (place for place in copies.iterdir() if place.is_dir() and not (place / FACTS).is_file())
    return stages_in(own)


def stages_in(folder: Path) -> tuple[Stage, ...]:
    """All that are kept there."""
    return tuple(stage_in(place.parent) for place in sorted(folder.glob("*/stage.json")))


def _verified(stages: tuple[Stage, ...]) -> list[Finding]:
    findings = corrected([one for stage in stages for one in stage.findings], ALPHA)
    return [one for one in findings if one.standing is Standing.VERIFIED]


def _can(look: Look, kind: str) -> bool:
    return bool(set(look.kinds) & set(FOUND_BY[SpikeKind(kind)]))


def _finds(finding: Finding, look: str, kind: str, wanted: set[str]) -> bool:
    return finding.look == look and finding.kind in FOUND_BY[SpikeKind(kind)] and bool(wanted & set(finding.classes))


def _passes(stage: Stage) -> float:
    """Images forward and backward; a pass forward alone counts a third."""
    return stage.backward + (stage.forward - stage.backward) / 3


def _words(level: float, found: int, planted: int) -> str:
    if planted == 0:
        return f"at {level:g}: not tried"
    inside = exact_share(found, planted)
    return f"at {level:g}: {found} of {planted} ({inside.low:.2f} to {inside.high:.2f})"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("audits", nargs="*", type=Path)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--strength", type=float, default=0.3)
    parser.add_argument("--out", type=Path, default=TABLE)
    return parser.parse_args()


if __name__ == "__main__":
    main()
