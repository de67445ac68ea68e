"""The verb: a module and arrays in, findings out; nothing of the module is changed, and what cannot be audited is refused."""

from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from onecurve.auditing.outputs.writing import FORMATS, write_audit
from onecurve.auditing.result import Coverage
from onecurve.auditing.run import AuditSettings, audit
from onecurve.core.errors import ModelError, UsageError

QUICK = AuditSettings(budget_seconds=0.5)


class Brightness(nn.Module):
    """Two classes: dark and bright."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(20.0))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        bright = self.scale * (images.mean(dim=(1, 2, 3)) - 0.5)
        return torch.stack([-bright, bright], dim=1)


def images() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=90)
    pixels = rng.random((90, 3, 16, 16), dtype=np.float32) * 0.4 + 0.6 * labels[:, None, None, None]
    return pixels, labels


def test_a_module_on_arrays_is_looked_at_and_left_as_it_is() -> None:
    module, (pixels, labels) = Brightness().train(), images()
    before = deepcopy(module.state_dict())
    done = audit(module, pixels, labels, class_names=("dark", "bright"), settings=QUICK)
    assert module.training
    assert all(torch.equal(values, before[name]) for name, values in module.state_dict().items())
    assert done.looked.accuracy == 1.0
    assert done.looked.search + done.looked.fresh == 90
    assert done.looked_at_something
    assert done.power is None
    assert done.repair is None
    assert not done.verified or all(one.effect is None or one.effect.images > 0 for one in done.verified)


def test_without_labels_looks_that_need_them_say_so() -> None:
    done = audit(Brightness(), images()[0], settings=QUICK)
    silent = [stage for stage in done.stages if "no labels" in stage.words]
    assert silent
    assert all(stage.coverage is Coverage.NOTHING for stage in silent)
    assert done.looked.accuracy is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"labels": np.full(90, 2)}, "outputs of the network, 0 to 1"),
        ({"labels": np.zeros(3, int)}, "one label per image"),
        ({"class_names": ("one",)}, "one name per output"),
        ({"class_names": ("one", "one")}, "two outputs have the same name: one"),
        ({"images": np.full((90, 3, 16, 16), 0.5)}, "all 90 images are copies of one"),
        ({"images": np.zeros((0, 3, 16, 16))}, "only 0 images"),
        ({"labels": np.full(90, 0.5)}, "whole numbers"),
        ({"images": np.full((90, 3, 16, 16), 2.0)}, "floats in"),
        ({"images": np.zeros((90, 16, 16), np.uint8)}, "N x C x H x W"),
        ({"images": np.zeros((2, 3, 16, 16), np.uint8), "labels": None}, "only 2 images"),
        ({"settings": AuditSettings(power="quick")}, "place on disk"),
        ({"settings": AuditSettings(power="much")}, "no measurement of power"),
        ({"settings": AuditSettings(budget_seconds=0)}, "above 0 seconds"),
        ({"settings": AuditSettings(budget_seconds=float("inf"))}, "and finite"),
        ({"settings": AuditSettings(alpha=1.0)}, "between 0 and 1"),
    ],
)
def test_what_cannot_be_audited_is_refused_in_one_sentence(change: dict[str, object], words: str) -> None:
    pixels, labels = images()
    given: dict[str, object] = {"images": pixels, "labels": labels, "settings": QUICK, **change}
    with pytest.raises(UsageError, match=words):
        audit(Brightness(), given.pop("images"), given.pop("labels"), **given)  # type: ignore[arg-type]


class Ending(Brightness):
    """Ends the program."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        raise SystemExit(0)


def test_a_network_that_ends_the_program_is_refused() -> None:
    with pytest.raises(ModelError, match="ends the program"):
        audit(Ending(), *images(), settings=QUICK)


def test_outputs_of_an_audit_before_do_not_stay(tmp_path: Path) -> None:
    done = audit(Brightness(), *images(), settings=QUICK)
    write_audit(done, tmp_path, ("json", "sarif", "markdown"))
    written = write_audit(done, tmp_path, ["html"])
    assert {path.name for path in tmp_path.iterdir() if path.is_file()} == {written["html"].name}


class Inverted(Brightness):
    """The same weights, used the other way round."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return -super().forward(images)


def test_a_network_that_computes_otherwise_with_the_same_weights_is_looked_at_anew(tmp_path: Path) -> None:
    told = [audit(module, *images(), out=tmp_path, settings=QUICK) for module in (Brightness(), Inverted(), Brightness())]
    assert [one.looked.accuracy for one in told] == [1.0, 0.0, 1.0]
    assert told[0].stages[0].words == told[2].stages[0].words != told[1].stages[0].words


def test_labels_of_a_person_are_told_from_the_answers_of_the_network(tmp_path: Path) -> None:
    pixels = images()[0][:, :, :8, :8] * 0.4  # all of them dark, so that labels and answers are the same
    told = [audit(Brightness(), pixels, labels, out=tmp_path, settings=QUICK) for labels in (None, np.zeros(90, int))]
    assert [stage.words for stage in told[0].stages if stage.look == "accuracy"] == ["the images have no labels"]
    assert not any("no labels" in stage.words for stage in told[1].stages)


class Choosy(Brightness):
    """Cannot answer for the images, though it does for probes."""

    def __init__(self, answer: float | None) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if self.answer is None and len(images) > 20:
            raise MemoryError("too many")
        logits = super().forward(images)
        return logits if len(images) <= 20 else logits * self.answer


@pytest.mark.parametrize(("answer", "words"), [(None, "raised MemoryError on the images"), (float("nan"), "are not finite for")])
@pytest.mark.parametrize("labelled", [True, False])
def test_a_network_that_cannot_answer_for_the_images_is_refused(answer: float | None, words: str, labelled: bool, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=words):
        audit(Choosy(answer), images()[0], images()[1] if labelled else None, out=tmp_path / "out", settings=QUICK)
    assert not list(tmp_path.iterdir())


def test_files_that_no_audit_wrote_stay(tmp_path: Path) -> None:
    done = audit(Brightness(), *images(), settings=QUICK)
    (tmp_path / "index.html").write_text("a page of a person")
    assert write_audit(done, tmp_path, ["json"]).keys() == {"json"}
    with pytest.raises(UsageError, match=r"index\.html was not written by an audit"):
        write_audit(done, tmp_path)
    assert (tmp_path / "index.html").read_text() == "a page of a person"
    (tmp_path / "comment.md").mkdir()
    with pytest.raises(UsageError, match=r"comment\.md was not written by an audit"):
        write_audit(done, tmp_path, ["markdown"])


def test_every_output_is_known_again_as_one_of_an_audit(tmp_path: Path) -> None:
    done = audit(Brightness(), *images(), settings=QUICK)
    write_audit(done, tmp_path, tuple(FORMATS))
    assert write_audit(done, tmp_path, tuple(FORMATS)).keys() == FORMATS.keys()


def test_negative_seeds_and_files_in_the_place_of_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="negative"):
        audit(Brightness(), *images(), settings=AuditSettings(seed=-1))
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        audit(Brightness(), *images(), out=tmp_path / "file", settings=QUICK)
