"""Is the power that an audit quotes worth believing? Eight checks, each a command on audits that measured it.

    onecurve audit NET --data IMAGES --power quick --out a     # as many as you like, on networks that you know to be clean, or not
    python benchmarks/audit_checks.py null a b c               # 1  alarms on sham copies are no more frequent than the level
    python benchmarks/audit_checks.py halves a b c             # 2  spikes of half of the copies predict those of the other half
    python benchmarks/audit_checks.py foreign a b c            # 3  and, with the band widened, those that were planted in ways kept apart
    python benchmarks/audit_checks.py covert a --found 3 --of 4 --strength 1.0      # 4  and flaws that others planted
    python benchmarks/audit_checks.py limits NET --data IMAGES # 5  what cannot be seen is not found, a full-image stamp is
    python benchmarks/audit_checks.py levels a b c             # 6  two levels of the tests give one corrected share of flawed networks
    python benchmarks/audit_checks.py covariates a b c         # 7  no target, size or way of planting that is found far less often
    python benchmarks/audit_checks.py realism a                # 8  can spiked copies be told from sham ones by their weights alone?

Each prints a table and ends with exit code 1 where the check fails. a, b, c are the folders of audits.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file
from scipy.stats import binomtest, fisher_exact
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from onecurve.auditing.catalog import looks
from onecurve.auditing.door import open_files
from onecurve.auditing.examined import Examined
from onecurve.auditing.finding import Finding, Kind, Standing, corrected
from onecurve.auditing.look import Look
from onecurve.auditing.power.insertion import INSERTIONS, inserted
from onecurve.auditing.power.spikes import Spike, SpikeKind
from onecurve.auditing.power.summary import NOT_MEASURED
from onecurve.auditing.power.verdicts import LEVELS
from onecurve.auditing.stages import Course, make_stages
from onecurve.auditing.storage import stage_in
from onecurve.core.image.filter import Filter
from onecurve.models.metering import unmetered
from onecurve.runner.session import Silent
from onecurve.statistics.detection_curve import Trial, fitted_curve

ALPHA = 0.05
FEWEST = 4
"""Spikes of a kind with which a curve is compared."""
MIXED = (0.1, 0.2, 0.5)
"""Shares of each pixel that the full-image stamp replaces."""


def power_of(folder: Path) -> dict[str, Any]:
    """What the audit in that folder measured of its power; ends the program where it measured none."""
    audit = json.loads((folder / "audit.json").read_text(encoding="utf-8"))
    power = audit.get("audit", audit).get("power")
    if not power:
        sys.exit(f"this audit measured no power: {folder}; run it with --power quick")
    return dict(power)


def of_kind(folder: Path, kind: str) -> dict[str, Any]:
    """What it measured for that kind of flaw; empty for an audit of a version that did not plant it."""
    return dict(power_of(folder)["kinds"].get(kind, {}))


def spikes_of(folders: Sequence[Path], kind: str, *, held_out: bool | None = None) -> list[dict[str, Any]]:
    """The planted flaws of that kind in all audits, with what became of them."""
    own = [(folder, one) for folder in folders for one in of_kind(folder, kind).get("spikes", ())]
    found = [{**one, "copy": f"{folder}:{one['copy']}"} for folder, one in own]
    return [one for one in found if held_out is None or one["held_out"] is held_out]


def trials(spikes: Sequence[dict[str, Any]], level: str) -> list[Trial]:
    """The planted flaws for the curve of that level."""
    return [Trial(one["copy"], max(one["strength"], 0.02), bool(one["levels"][LEVELS.index(level)])) for one in spikes]


def alarms_of(folders: Sequence[Path], kind: str) -> tuple[int, int]:
    """Alarms of that kind on sham copies, and how many of these there are."""
    told = [of_kind(folder, kind).get("false_alarms", NOT_MEASURED) for folder in folders]
    told = [one for one in told if one != NOT_MEASURED]
    return sum(one["count"] for one in told), sum(one["shams"] for one in told)


def null(arguments: argparse.Namespace) -> bool:
    """1: alarms on sham copies are no more frequent than the level."""
    fine = True
    for kind in (SpikeKind.PATCH, SpikeKind.WHOLE_IMAGE, SpikeKind.SHORTCUT):
        count, shams = alarms_of(arguments.folders, kind)
        if shams == 0:
            print(f"{kind}: {NOT_MEASURED}")
            continue
        p = binomtest(count, shams, ALPHA, alternative="greater").pvalue
        fine &= p > ALPHA
        print(f"{kind}: {count} alarms on {shams} sham copies, level {ALPHA}, p of so many {p:.3f}")
    return bool(fine)


def predicted(
    fitted_on: Sequence[Trial], tried: Sequence[Trial], alarms: tuple[int, int], *, other_origin: bool = False
) -> tuple[float, float, float]:
    """The share that the curve says of these strengths, with what 95 % of samples of that size lie within."""
    curve, rng = fitted_curve(fitted_on, *alarms), np.random.default_rng(0)
    chances = (curve.other_origin() if other_origin else curve).draws([one.strength for one in tried], rng, 2000)
    shares = (rng.random(chances.shape) < chances).mean(axis=1)
    return float(chances.mean()), *(float(np.quantile(shares, at)) for at in (0.025, 0.975))


def halves(arguments: argparse.Namespace) -> bool:
    """2: the curve of half of the copies predicts what is found in the other half."""
    inside = []
    for kind in SpikeKind:
        spikes = spikes_of(arguments.folders, kind, held_out=False)
        copies = sorted({one["copy"] for one in spikes})
        for level in LEVELS[:2]:
            for turn in range(2):
                first = [one for one in spikes if copies.index(one["copy"]) % 2 == turn]
                other = [one for one in spikes if copies.index(one["copy"]) % 2 != turn]
                if min(len(first), len(other)) < FEWEST:
                    continue
                middle, low, high = predicted(trials(first, level), trials(other, level), alarms_of(arguments.folders, kind))
                share = np.mean([one.found for one in trials(other, level)])
                inside.append(low <= share <= high)
                print(f"{kind}, {level}: predicted {middle:.2f} ({low:.2f} to {high:.2f}), found {share:.2f} of {len(other)}")
    return verdict(inside, "halves")


def foreign(arguments: argparse.Namespace) -> bool:
    """3: the band that is widened for flaws of another origin covers what is found of those that were planted in ways kept apart.

    The shift says by how much the curve itself does not. None of those flaws takes part in the prediction.
    """
    inside, narrow = [], []
    for kind in SpikeKind:
        own, others = (spikes_of(arguments.folders, kind, held_out=held) for held in (False, True))
        if min(len(own), len(others)) < 2:
            print(f"{kind}: not measured, {len(own)} own and {len(others)} foreign spikes")
            continue
        for level in LEVELS[:2]:
            alarms = alarms_of(arguments.folders, kind)
            middle, low, high = predicted(trials(own, level), trials(others, level), alarms)
            _, lowest, highest = predicted(trials(own, level), trials(others, level), alarms, other_origin=True)
            shift, interval = fitted_curve(trials(own, level), *alarms).other_origin(trials(others, level)).shift()
            share = np.mean([one.found for one in trials(others, level)])
            narrow.append(low <= share <= high)
            inside.append(lowest <= share <= highest)
            print(f"{kind}, {level}: predicted {middle:.2f} ({low:.2f} to {high:.2f}, widened {lowest:.2f} to {highest:.2f})", end="")
            print(f", found {share:.2f} of {len(others)}; shift {shift:+.1f} logits ({interval.low:+.1f} to {interval.high:+.1f})")
    print(f"{sum(narrow)} of {len(narrow)} inside the band of the curve itself")
    return verdict(inside, "kinds and levels")


def covert(arguments: argparse.Namespace) -> bool:
    """4: it predicts how many flaws of others are found, counted by who runs it."""
    spikes = spikes_of(arguments.folders, arguments.kind, held_out=False)
    foreign_trials = [Trial(str(at), arguments.strength, at < arguments.found) for at in range(arguments.of)]
    alarms = alarms_of(arguments.folders, arguments.kind)
    middle, low, high = predicted(trials(spikes, arguments.level), foreign_trials, alarms, other_origin=True)
    share = arguments.found / arguments.of
    print(f"{arguments.kind}, {arguments.level}: predicted {middle:.2f} ({low:.2f} to {high:.2f}), found {share:.2f} of {arguments.of}")
    return verdict([low <= share <= high], "shares")


def limits(arguments: argparse.Namespace) -> bool:
    """5: of a sham copy nothing is found, and a stamp over the whole image is, however much of the image it replaces."""
    opened = open_files(arguments.network, arguments.data, model="", labels=None, classes=None, seed=0, device="cpu")
    examined, way = opened.examined, replace(INSERTIONS[0], share=0.4)
    fine = True
    for mixed in (0.0, *MIXED):
        stamp = Spike(SpikeKind.WHOLE_IMAGE, 1, full_image_stamp(examined.shape, mixed or MIXED[-1]), size=1.0)
        module = inserted(unmetered(examined.module), examined.search, (stamp,), way, 1, "cpu", sham=mixed == 0)
        under = examined.with_module(module)
        strength = stamp.strength(under.network, examined.fresh, np.random.default_rng(0))
        found = _trojans(under, arguments.seconds)
        right = any(one.target == stamp.target for one in found) is (mixed > 0)
        fine &= right
        words = f"full-image stamp, {mixed:.0%} of each pixel" if mixed else "nothing planted"
        print(f"{words}: strength {strength:.2f}, {len(found)} verified triggers, {'as it should be' if right else 'WRONG'}", flush=True)
    return fine


def full_image_stamp(shape: tuple[int, int, int], mixed: float) -> Filter:
    """A coarse coloured pattern over the whole image, for images C x H x W; ``mixed`` in (0, 1) is its share of each pixel.

    It leaves the image visible. A stamp that hides the image is no flaw that an audit could find: every network answers one constant
    picture with some class.
    """
    channels, height, width = shape
    cells = np.random.default_rng(0).random((channels, 4, 4), dtype=np.float32)
    pattern = cells.repeat(-(-height // 4), axis=1).repeat(-(-width // 4), axis=2)[:, :height, :width]
    return Filter((1 - mixed) * np.eye(channels, dtype=np.float32), np.zeros(channels, np.float32), mixed * pattern, rolling=False)


def _trojans(examined: Examined, seconds: float) -> list[Finding]:
    chosen: list[Look] = [look for look in looks() if look.name in {"patch-triggers", "style-triggers"}]
    stages = make_stages(chosen, examined, Course(None, "limits", seconds), Silent())
    found = corrected([one for stage in stages for one in stage.findings], ALPHA)
    return [one for one in found if one.kind is Kind.TROJAN_TRIGGER and one.standing is Standing.VERIFIED]


def levels(arguments: argparse.Namespace) -> bool:
    """Rogan and Gladen (1978): the share of flawed networks, corrected by power and false alarms, must not depend on the level."""
    corrected_shares = []
    for alpha in (0.05, 0.005):
        alarms = {True: [0, 0], False: [0, 0]}
        for folder in arguments.folders:
            for name, told in power_of(folder)["copies"].items():
                own = told["sham"] or any(spike["kind"] in {"patch", "whole image"} for spike in told["spikes"])
                if not own:
                    continue
                counts = alarms[bool(told["sham"])]
                counts[0] += _alarm(folder / "stages" / "copies" / name, alpha)
                counts[1] += 1
        false, power = _rates(alarms)
        observed = (alarms[True][0] + alarms[False][0]) / (alarms[True][1] + alarms[False][1])
        share = np.clip((observed - false) / max(power - false, 1e-9), 0, 1)
        error = np.sqrt(0.25 / (alarms[True][1] + alarms[False][1])) / max(power - false, 0.05)
        corrected_shares.append((share, error))
        print(f"level {alpha}: power {power:.2f}, false alarms {false:.2f}, observed {observed:.2f}", end="")
        print(f", corrected {share:.2f} +- {1.96 * error:.2f}")
    (first, one), (second, two) = corrected_shares
    return bool(abs(first - second) <= 1.96 * np.hypot(one, two))


def _rates(alarms: dict[bool, list[int]]) -> tuple[float, float]:
    """False alarms and power, each with half a count added, so that none is 0 or 1."""
    return (alarms[True][0] + 0.5) / (alarms[True][1] + 1), (alarms[False][0] + 0.5) / (alarms[False][1] + 1)


def _alarm(folder: Path, alpha: float) -> bool:
    findings = [one for place in sorted(folder.glob("*/stage.json")) for one in stage_in(place.parent).findings]
    kinds = (Kind.TROJAN_TRIGGER,)
    return any(one.kind in kinds and one.standing is Standing.VERIFIED for one in corrected(findings, alpha))


def covariates(arguments: argparse.Namespace) -> bool:
    """7: large and small flaws, and all ways of planting, are found about as often."""
    fine = []
    for kind in SpikeKind:
        spikes = [one for one in spikes_of(arguments.folders, kind) if one["strength"] > 0.5]
        found = np.array([one["levels"][0] for one in spikes], bool)
        for name in ("size", "way"):
            values = np.array([one[name] for one in spikes])
            groups = [(values == value, value) for value in sorted(set(values))] if name == "way" else _split_at_median(values)
            for inside, words in groups:
                if min(inside.sum(), (~inside).sum()) < FEWEST:
                    continue
                table = [[int((found & some).sum()), int((~found & some).sum())] for some in (inside, ~inside)]
                p = float(fisher_exact(table).pvalue)
                fine.append(p * 16 > ALPHA)
                here, elsewhere = (f"{row[0]} of {sum(row)}" for row in table)
                print(f"{kind}, {name} {words}: found {here}, elsewhere {elsewhere}, p {p:.3f}")
    return verdict(fine, "groups, Bonferroni over 16,") if fine else True


def _split_at_median(values: np.ndarray) -> list[tuple[np.ndarray, str]]:
    middle = float(np.median(values)) if len(values) else 0.0
    return [(values > middle, f"above {middle:.3g}")]


def realism(arguments: argparse.Namespace) -> bool:
    """8: how well the weights alone tell spiked copies from sham ones; reported for each architecture, neither passed nor failed."""
    rows = dict[int, list[list[float]]]()
    spiked = dict[int, list[bool]]()
    for folder in arguments.folders:
        for name, told in power_of(folder)["copies"].items():
            found = _statistics(folder / "stages" / "copies" / name / "weights.safetensors")
            rows.setdefault(len(found), []).append(found)
            spiked.setdefault(len(found), []).append(not told["sham"])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
    for size, own in rows.items():
        said = cross_val_predict(model, np.array(own), np.array(spiked[size]), cv=LeaveOneOut(), method="predict_proba")[:, 1]
        score = roc_auc_score(spiked[size], said)
        print(f"spiked against sham copies by statistics of their weights: AUROC {score:.2f} over {len(own)} copies")
    return True


def _statistics(path: Path) -> list[float]:
    tensors = [values for name, values in sorted(load_file(path).items()) if values.ndim >= 2]
    found = [value for some in tensors for value in (float(np.std(some)), float(np.abs(some).max()), float(np.mean(some)))]
    head = tensors[-1].reshape(len(tensors[-1]), -1)
    units = head / np.maximum(np.linalg.norm(head, axis=1, keepdims=True), 1e-9)
    return [*found, float((1 - (units @ units.T).mean(axis=1)).max())]


def verdict(inside: Sequence[bool], words: str) -> bool:
    """Whether nine in ten came out as predicted."""
    if not inside:
        print("not measured: too few spikes")
        return True
    print(f"{sum(inside)} of {len(inside)} {words} as predicted")
    return sum(inside) >= 0.9 * len(inside)


CHECKS: dict[str, Callable[[argparse.Namespace], bool]] = {
    check.__name__: check for check in (null, halves, foreign, covert, limits, levels, covariates, realism)
}


def main() -> None:
    """Run the check that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="check", required=True)
    for name in CHECKS:
        command = commands.add_parser(name)
        if name == "limits":
            command.add_argument("network")
            command.add_argument("--data", required=True)
            command.add_argument("--seconds", type=float, default=120.0)
            continue
        command.add_argument("folders", nargs="+", type=Path)
        if name == "covert":
            command.add_argument("--kind", default="patch", choices=[str(kind) for kind in SpikeKind])
            command.add_argument("--level", default="named", choices=LEVELS)
            command.add_argument("--found", type=int, required=True)
            command.add_argument("--of", type=int, required=True)
            command.add_argument("--strength", type=float, default=1.0)
    arguments = parser.parse_args()
    sys.exit(0 if CHECKS[arguments.check](arguments) else 1)


if __name__ == "__main__":
    main()
