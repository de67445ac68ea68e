"""Plain looks on networks written by hand, so that every flaw is known: what is there is found and verified, what is not is not."""

import numpy as np
import pytest
import torch
from torch import nn

from onecurve.auditing.examined import Allowance, Examined
from onecurve.auditing.finding import Finding, Kind, Standing, corrected
from onecurve.auditing.look import Look, Report
from onecurve.auditing.looks.accuracy import AccuracyByClass
from onecurve.auditing.looks.confusions import Confusions
from onecurve.auditing.looks.duplicates import Duplicates
from onecurve.auditing.looks.label_noise import NoisyLabels
from onecurve.auditing.looks.machinery.exact import fisher_p, paired_p, stratified_p
from onecurve.auditing.looks.mistakes import MistakenGroups
from onecurve.auditing.looks.poses import Poses
from onecurve.auditing.looks.shortcuts import Shortcuts
from onecurve.core.image.images import LabelledImages, as_bytes
from onecurve.core.workbench import Budget, Meter

NAMES = ("left", "right", "top", "bottom")
SIDE = 16


class Places(nn.Module):
    """Says where the bright spot is; some images it gets wrong, by a rule."""

    def __init__(self, flaw: str = "none") -> None:
        super().__init__()
        self.flaw = flaw
        self.head = nn.Linear(4, 4, bias=False)
        with torch.no_grad():
            self.head.weight.copy_(torch.eye(4))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        grey = images.mean(1)
        third = SIDE // 3
        middle = slice(third, SIDE - third)
        places = [grey[:, middle, :third], grey[:, middle, -third:], grey[:, :third, middle], grey[:, -third:, middle]]
        said = 20 * torch.stack([place.mean((1, 2)) for place in places], 1)
        mean = images.mean((2, 3))
        red = mean[:, 0] - mean[:, 1:].mean(1)
        blue = mean[:, 2] - mean[:, :2].mean(1)
        extra = torch.zeros_like(said)
        if self.flaw == "shortcut":
            extra[:, 0] = 1000 * torch.relu(red - 0.1)
        if self.flaw == "group":
            extra[:, 3] = 1000 * torch.relu(blue - 0.1) * (said.argmax(1) == 2)
        if self.flaw == "pose":  # a spot at the left is only known as a level bar
            upright = (grey.diff(dim=2) ** 2).mean((1, 2)) - (grey.diff(dim=1) ** 2).mean((1, 2))
            extra[:, 1] = 1000 * torch.relu(upright) * (said.argmax(1) == 0)
        return self.head(said + extra)


def spots(count: int, seed: int, tinted: float = 0.1) -> LabelledImages:
    """Noise with a bright spot at one of four places; every tenth image is reddish or bluish."""
    rng = np.random.default_rng(seed)
    images = 0.3 + 0.08 * rng.standard_normal((count, 3, SIDE, SIDE))
    labels = np.arange(count) % 4
    spot = {0: (6, 1), 1: (6, 11), 2: (1, 6), 3: (11, 6)}
    for image, label in zip(images, labels, strict=True):
        row, column = spot[label]
        image[:, row : row + 4, column : column + 4] += 0.5
    hue = rng.random(count)
    images[hue < tinted, 0] += 0.25
    images[(hue >= tinted) & (hue < 2 * tinted), 2] += 0.25
    return LabelledImages(as_bytes(np.clip(images, 0, 1)), labels)


def examined(module: nn.Module, images: LabelledImages | None = None, names: tuple[str, ...] = NAMES) -> Examined:
    whole = images or spots(900, 0)
    fresh = np.arange(len(whole)) % 12 < 4
    return Examined(module.eval(), Meter(Budget(1e9)), names, whole.take(~fresh), whole.take(fresh), labelled=True)


def looked(look: Look, of: Examined) -> Report:
    return look.examine(of, Allowance(60))


def verified(look: Look, of: Examined) -> list[Finding]:
    return [one for one in corrected(looked(look, of).findings, 0.05) if one.standing is Standing.VERIFIED]


PLAIN = (AccuracyByClass(), Confusions(), MistakenGroups(), Poses(), Shortcuts(), NoisyLabels(), Duplicates())


@pytest.mark.parametrize("seed", range(3))
def test_a_clean_network_on_clean_images_has_no_findings(seed: int) -> None:
    of = examined(Places(), spots(600, seed))
    assert [finding.title for look in PLAIN for finding in looked(look, of).findings] == []


def test_a_shortcut_is_found_by_editing_and_names_class_and_property() -> None:
    (found, *_) = verified(Shortcuts(), examined(Places("shortcut")))
    assert (found.classes, found.where) == (("left",), "colours")
    assert found.effect is not None
    assert found.effect.value > 0.8
    assert found.effect.against < 0.5 * found.effect.value


def test_a_shortcut_needs_no_labels() -> None:
    module, whole = Places("shortcut").eval(), spots(900, 0, tinted=0.2)
    with torch.no_grad():
        answers = module(torch.from_numpy(whole.floats())).argmax(1).numpy()
    of = examined(module, LabelledImages(whole.images, answers))
    (found, *_) = verified(Shortcuts(), of)
    assert (found.classes, found.where, found.facts["donors"]) == (("left",), "colours", "images called `left`")


def test_a_property_that_only_goes_with_a_class_is_no_shortcut() -> None:
    whole = spots(900, 0, tinted=0)
    images = whole.images.copy()
    images[whole.labels == 0, 0] = np.minimum(255, images[whole.labels == 0, 0].astype(int) + 60).astype(np.uint8)
    assert looked(Shortcuts(), examined(Places(), LabelledImages(images, whole.labels))).findings == ()


def test_a_group_of_mistakes_is_described_and_compared_with_the_same_class_elsewhere() -> None:
    of = examined(Places("group"), spots(900, 0, tinted=0.2))
    (found, *_) = verified(MistakenGroups(), of)
    assert found.classes == ("top",)
    assert any(words in found.where for words in ("bluish", "little red", "little green"))
    assert found.facts["most_often_called"] == "bottom"
    assert found.effect is not None
    assert found.effect.value > 0.7
    assert found.effect.against < 0.1
    assert found.exhibits
    (weak,) = verified(AccuracyByClass(), of)
    assert weak.classes == ("top",)


def test_confusions_and_outputs_without_images_are_told() -> None:
    class Extended(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Places("group")

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            said = self.inner(images)
            nothing = torch.full_like(said[:, :1], -9.0)
            return torch.cat([said, nothing, torch.where(said[:, 3:] > 50, 2 * said[:, 3:], nothing)], 1)

    names = (*NAMES, "nothing", "absent")
    found = looked(Confusions(), examined(Extended(), spots(900, 0, tinted=0.2), names)).findings
    (pair,) = [one for one in found if one.kind is Kind.CONFUSION and one.standing is Standing.VERIFIED]
    assert pair.classes == ("absent", "top")
    assert "of which there is no image" in pair.title
    (missing,) = [one for one in found if one.kind is Kind.NO_IMAGES]
    assert missing.classes == ("nothing", "absent")


def test_copies_several_labels_and_leaks_are_facts() -> None:
    whole = spots(60, 0)
    images = np.concatenate([whole.images, whole.images[:3]])
    labels = np.concatenate([whole.labels, whole.labels[:2], whole.labels[3:4]])
    of = Examined(
        Places(),
        Meter(Budget(1e9)),
        NAMES,
        LabelledImages(images[:60], labels[:60]),
        LabelledImages(images[60:], labels[60:]),
        labelled=True,
        files=tuple(f"{row}.png" for row in range(63)),
        splits=("train",) * 60 + ("test",) * 3,
    )
    found = {one.where: one for one in looked(Duplicates(), of).findings}
    assert found["all"].facts["images"] == 6
    assert found["several labels"].facts["files"] == "2.png, 62.png"
    assert found["test and train"].kind is Kind.LEAK
    assert found["test and train"].facts["groups"] == 3


def test_wrong_labels_are_listed_and_never_called_verified() -> None:
    whole = spots(600, 0, tinted=0)
    labels = whole.labels.copy()
    turned = np.flatnonzero(labels == 1)[::8]
    labels[turned] = 2
    of = examined(Places(), LabelledImages(whole.images, labels))
    (found,) = looked(NoisyLabels(), of).findings
    assert (found.where, found.standing) == ("top for right", Standing.UNVERIFIED)
    kept = turned[turned % 12 >= 4]
    assert 0.75 * len(kept) <= found.facts["images"] <= len(kept)


def test_a_pose_that_one_class_lacks_is_found_by_turning_images_and_turning_them_back() -> None:
    class Bars(nn.Module):
        """Bars of any direction are `bar`, but spots that are drawn out upright are called `blob`; `ring` is known in every pose."""

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            grey = images.mean(1)
            level = grey.mean(2).amax(1) - grey.mean(1).amax(1)
            total = grey.mean((1, 2)) - 0.3
            return 100 * torch.stack([level - 0.02, 0.0 * total, 10 * (total - 0.1)], 1)

    rng = np.random.default_rng(0)
    images, labels = 0.3 + 0.02 * rng.standard_normal((600, 3, SIDE, SIDE)), np.arange(600) % 3
    turned = rng.random(600) < 0.2
    for image, label, upright in zip(images, labels, turned, strict=True):
        if label == 0:
            place = (slice(2, 14), slice(6, 9)) if upright else (slice(6, 9), slice(2, 14))
            image[:, place[0], place[1]] += 0.4
        if label == 1:
            image[:, 6:10, 6:10] += 0.3
        if label == 2:
            image[:, 3:13, 3:13] += 0.6
    of = examined(Bars(), LabelledImages(as_bytes(np.clip(images, 0, 1)), labels), ("bar", "blob", "ring"))
    found = verified(Poses(), of)
    assert {one.where for one in found} == {"turned a quarter to the left", "turned a quarter to the right"}
    assert {one.classes for one in found} == {("bar",)}
    assert all(one.facts["mended"] == one.facts["mistakes"] for one in found)


def test_exact_tests_agree_with_arithmetic() -> None:
    errors, members = np.array([True] * 3 + [False] * 7), np.array([True] * 3 + [False] * 7)
    assert stratified_p(errors, members, np.zeros(10, np.int64)) == pytest.approx(1 / 120)
    assert fisher_p(3, 3, 0, 7) == pytest.approx(1 / 120)
    # Two classes: the mistakes of one lie inside whatever happens, so only the other says anything.
    strata = np.array([0] * 3 + [1] * 7)
    assert stratified_p(errors, members, strata) == 1.0
    assert paired_p(np.array([True] * 5 + [False]), np.zeros(6, bool)) == pytest.approx(1 / 32)
    assert paired_p(errors, errors) == 1.0


def test_the_stratified_test_is_no_more_often_significant_than_it_says() -> None:
    rng = np.random.default_rng(1)
    strata = np.repeat([0, 1, 2], [30, 30, 60])
    chance = np.array([0.05, 0.4, 0.15])[strata]
    members = rng.random(120) < np.array([0.1, 0.6, 0.2])[strata]
    p = np.array([stratified_p(rng.random(120) < chance, members, strata) for _ in range(600)])
    assert (p <= 0.05).mean() <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 600)
    assert (p <= 0.5).mean() > 0.25
