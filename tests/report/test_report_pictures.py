"""Pictures: enlarged without smoothing, heat in one colour map, transparency on a checkerboard."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from report_fixture import drawn_display

from onecurve.core.evidence import ClassScores, Evidence, HeatMap, Hypothesis, Picture, Units
from onecurve.core.image.trigger import Filter, Paste
from onecurve.report.pages import pictures
from onecurve.report.pages.assets import Assets
from onecurve.report.pages.evidence_view import evidence_view, top_bars


def pixels(png):
    return np.asarray(Image.open(BytesIO(png)).convert("RGB")).astype(int)


@pytest.mark.parametrize("side", [8, 28, 32, 64, 128, 200])
def test_pictures_are_enlarged_by_whole_factors(side):
    image = np.random.default_rng(0).random((3, side, side)).astype(np.float32)
    shown = pixels(pictures.png_of(image))
    factor = shown.shape[0] // side
    assert shown.shape[0] == factor * side >= min(128, side * factor)
    assert shown.shape[0] >= 128
    np.testing.assert_array_equal(shown[::factor, ::factor], np.rint(np.moveaxis(image, 0, -1) * 255))


def test_one_channel_is_shown_grey():
    shown = pixels(pictures.png_of(np.full((1, 16, 16), 0.5, np.float32)))
    assert (shown == 128).all()


def test_colour_map_rises_in_lightness():
    colours = pictures.heat_colours(np.linspace(0, 1, 50))
    lightness = colours @ np.array([0.2126, 0.7152, 0.0722])
    assert (np.diff(lightness) > 0).all()


def test_heat_is_brightest_where_the_map_is_largest_and_does_not_care_for_scale():
    heat = np.zeros((16, 16), np.float32)
    heat[3, 12] = 5
    image = np.full((3, 16, 16), 0.5, np.float32)
    shown = pixels(pictures.with_heat(image, heat))[::8, ::8].sum(axis=2)
    assert np.unravel_index(shown.argmax(), shown.shape) == (3, 12)
    assert pictures.with_heat(image, heat) == pictures.with_heat(image, heat * 1000)


def test_a_constant_map_of_zeros_is_drawn_as_least():
    image = np.zeros((3, 16, 16), np.float32)
    shown = pixels(pictures.with_heat(image, np.zeros((16, 16), np.float32)))
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) == 1


def test_mask_keeps_colour_inside_and_fades_outside():
    image = np.zeros((3, 16, 16), np.float32)
    image[0] = 1
    mask = np.zeros((16, 16), bool)
    mask[4:8, 4:8] = True
    shown = pixels(pictures.with_mask(image, mask))[::8, ::8]
    assert (shown[5, 5] == (255, 0, 0)).all()
    assert len(set(shown[0, 0])) == 1


def test_transparency_shows_the_checkerboard_and_opacity_the_sprite():
    pattern = np.zeros((3, 8, 8), np.float32)
    alpha = np.zeros((8, 8), np.float32)
    alpha[:, 4:] = 1
    shown = pixels(pictures.on_checkerboard(pattern, alpha))
    assert len(np.unique(shown[:, :64])) == 2
    assert (shown[:, 64:] == 0).all()


def test_equal_pictures_share_a_file(tmp_path):
    assets = Assets(tmp_path)
    png = pictures.png_of(np.zeros((3, 8, 8), np.float32))
    assert assets.keep(png, "one").file == assets.keep(png, "two").file
    assert len(list((tmp_path / "assets").iterdir())) == 1


def test_empty_evidence_is_said_to_be_empty(tmp_path):
    display = drawn_display("case", "s", "patch", 16)
    assert evidence_view(Evidence(), display, (), Assets(tmp_path)).words == ("It showed nothing: the evidence is empty.",)


def test_every_kind_of_piece_is_shown_or_put_in_words(tmp_path):
    display = drawn_display("case", "s", "patch", 16)
    grey = np.full((3, 16, 16), 0.5, np.float32)
    change = Filter(np.eye(3, dtype=np.float32), np.zeros(3, np.float32), grey * 0.1)
    patch = Paste(grey[None, :, :4, :4], np.ones((1, 4, 4), np.float32))
    pieces = (
        *(Picture(grey, f"number {at}") for at in range(9)),
        HeatMap(grey[0], 0),
        HeatMap(grey[0], 999),
        Hypothesis(change, 1, 0.5),
        Hypothesis(patch, 77, 0.25),
        ClassScores(np.arange(3, dtype=np.float32) - 1, "odd ones"),
        Units("layer", np.arange(20), np.ones(20, np.float32)),
    )
    shown = evidence_view(Evidence(pieces), display, ("a", "b", "c"), Assets(tmp_path))
    captions = " ".join(one.caption for one in shown.pictures)
    assert "number 0" in captions
    assert "towards b" in captions
    assert "towards class 77" in captions
    assert any("the input was not kept" in one.alt for one in shown.pictures)
    assert [bar.label for bar in shown.bars] == ["c", "b", "a"]
    assert (shown.bars[0].share, shown.bars[-1].share) == (1.0, 0.0)
    assert any("3 more pieces" in words for words in shown.words)
    assert any("of layer layer" in words for words in shown.words)
    assert shown.maps


def test_a_trigger_that_does_not_fit_is_said_not_to_be_drawn(tmp_path):
    display = drawn_display("case", "s", "patch", 16)
    grey = np.full((3, 5, 5), 0.5, np.float32)
    odd = Hypothesis(Filter(np.eye(3, dtype=np.float32), np.zeros(3, np.float32), grey), 0, 0.5)
    shown = evidence_view(Evidence((odd,)), display, (), Assets(tmp_path))
    assert len(shown.pictures) == 1


def test_a_piece_that_breaks_the_drawing_is_named_and_ends_no_report(tmp_path):
    display = drawn_display("case", "s", "patch", 16)
    grey = np.full((3, 16, 16), 0.5, np.float32)
    broken = HeatMap(grey[0], 0)
    # Files of before evidence was looked at so closely may hold anything.
    object.__setattr__(broken, "item", "first")
    odd = Evidence()
    object.__setattr__(odd, "pieces", (Picture(grey, "fine"), broken))
    shown = evidence_view(odd, display, (), Assets(tmp_path))
    assert [one.caption for one in shown.pictures] == ["fine"]
    assert shown.words == ("A HeatMap cannot be drawn: TypeError.",)


def test_scores_of_any_size_give_bars_between_nothing_and_all(tmp_path):
    display = drawn_display("case", "s", "patch", 16)
    shown = evidence_view(Evidence((ClassScores(np.array([1.7e308, 0.0, -1.7e308])),)), display, (), Assets(tmp_path))
    assert [bar.share for bar in shown.bars] == [1.0, 0.5, 0.0]


def test_right_option_is_listed_wherever_it_ranks():
    bars = top_bars([str(at) for at in range(20)], [1 - at / 20 for at in range(20)], frozenset({19}))
    assert bars[-1].label == "19"
    assert bars[-1].right
    assert len(bars) == 9
