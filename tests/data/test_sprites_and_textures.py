"""Sprites, faces, textures and pieces of photographs: right sizes and ranges, told apart, and what is transparent stays untouched."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onecurve.core.errors import DataError, UnknownNameError
from onecurve.core.image.images import as_bytes
from onecurve.data import photographs
from onecurve.data.dataset import Part
from onecurve.data.emoji import EXPRESSIONS, draw_face
from onecurve.data.motifs import MOTIFS
from onecurve.data.outlines import box, coverage, disc, polygon
from onecurve.data.sprites import SHAPES, draw_sprite
from onecurve.data.textures import TEXTURES, draw_texture


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_there_are_enough_names() -> None:
    assert len(set(SHAPES)) >= 16
    assert len(set(TEXTURES)) >= 16


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(SHAPES), st.integers(4, 64), st.integers(0, 2**32))
def test_a_sprite_of_any_size_is_a_pattern_with_soft_edges(shape: str, size: int, seed: int) -> None:
    pattern, alpha = draw_sprite(shape, size, generator(seed))
    assert pattern.shape == (3, size, size)
    assert alpha.shape == (size, size)
    assert pattern.dtype == alpha.dtype == np.float32
    assert 0 <= pattern.min() <= pattern.max() <= 1
    assert 0 <= alpha.min() <= alpha.max() <= 1
    assert alpha.sum() > 0.1 * size**2


@pytest.mark.parametrize("shape", SHAPES)
def test_a_sprite_fills_its_square_and_stays_inside(shape: str) -> None:
    _, alpha = draw_sprite(shape, 40, generator(1))
    rows, columns = np.flatnonzero(alpha.any(1)), np.flatnonzero(alpha.any(0))
    assert max(np.ptp(rows), np.ptp(columns)) >= 30
    assert min(alpha[0].sum(), alpha[-1].sum()) < 20
    assert alpha[0, 0] == alpha[-1, -1] == 0


@pytest.mark.parametrize("shape", SHAPES)
def test_layers_of_a_motif_lie_inside_its_silhouette(shape: str) -> None:
    motif = MOTIFS[shape]
    y, x = np.mgrid[-1.2:1.2:97j, -1.2:1.2:97j].astype(np.float32)
    inside = motif.silhouette(x, y) < 0.05
    for figure, _ in motif.layers:
        assert not ((figure(x, y) < -0.05) & ~inside).any()


def test_all_shapes_differ() -> None:
    drawn = np.stack([draw_sprite(shape, 32, generator(), fill=(0.9, 0.1, 0.1), background=(0.5, 0.5, 0.5))[0] for shape in SHAPES])
    gaps = np.abs(drawn[:, None] - drawn[None]).mean((2, 3, 4)) + np.eye(len(SHAPES))
    assert gaps.min() > 0.02


def test_fill_and_background_are_kept() -> None:
    pattern, alpha = draw_sprite("disc", 20, generator(), fill=(0.2, 0.9, 0.4), background=(1.0, 0.0, 1.0))
    np.testing.assert_allclose(pattern[:, 10, 10], (0.2, 0.9, 0.4), atol=1e-5)
    np.testing.assert_allclose(pattern[:, 0, 0], (1, 0, 1), atol=1e-5)
    assert (alpha == 1).all()


def test_the_same_generator_state_gives_the_same_sprite() -> None:
    first, second, other = (draw_sprite("fish", 12, generator(seed))[0] for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, second)
    assert np.abs(first - other).max() > 0.01


def test_unknown_names_and_impossible_sizes_are_told() -> None:
    with pytest.raises(UnknownNameError, match="did you mean `star`"):
        draw_sprite("starr", 12, generator())
    with pytest.raises(DataError, match="at least 4 pixels, got: 3"):
        draw_sprite("star", 3, generator())
    with pytest.raises(UnknownNameError, match="did you mean `brick`"):
        draw_texture("bricks", 8, 8, generator())
    with pytest.raises(DataError, match="0 x 8"):
        draw_texture("brick", 0, 8, generator())


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(TEXTURES), st.integers(1, 70), st.integers(1, 70), st.integers(0, 2**32))
def test_a_texture_of_any_size_is_an_image(name: str, height: int, width: int, seed: int) -> None:
    texture = draw_texture(name, height, width, generator(seed))
    assert texture.shape == (3, height, width)
    assert texture.dtype == np.float32
    assert 0 <= texture.min() <= texture.max() <= 1


@pytest.mark.parametrize("name", TEXTURES)
def test_a_texture_mixes_its_two_colours_and_shows_both(name: str) -> None:
    texture = draw_texture(name, 64, 64, generator(5), ((0.0, 0.5, 1.0), (1.0, 0.5, 0.0)))
    np.testing.assert_allclose(texture[1], 0.5, atol=1e-6)
    np.testing.assert_allclose(texture[0] + texture[2], 1, atol=1e-5)
    assert np.ptp(texture[0]) > 0.5


def test_distances_of_known_points() -> None:
    x, y = np.array([0.0, 1.0, 3.0]), np.array([0.0, 0.0, 4.0])
    np.testing.assert_allclose(disc(0, 0, 1)(x, y), [-1, 0, 4], atol=1e-9)
    np.testing.assert_allclose(box(0, 0, 1, 2)(x, y), [-1, 0, np.sqrt(8)], atol=1e-9)
    square = polygon([(-1, -1), (1, -1), (1, 1), (-1, 1)])
    np.testing.assert_allclose(square(x, y), [-1, 0, np.sqrt(13)], atol=1e-9)


def test_coverage_is_the_share_of_a_pixel_cut_by_a_straight_edge() -> None:
    distance = np.array([-1.0, -0.25, 0.0, 0.25, 1.0])
    np.testing.assert_allclose(coverage(distance, np.array(1.0)), [1, 0.75, 0.5, 0.25, 0])


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(EXPRESSIONS), st.integers(4, 64), st.tuples(*[st.floats(0, 1)] * 3), st.integers(0, 2**32))
def test_a_face_of_any_size_and_colour_is_a_pattern_with_soft_edges(
    expression: str, size: int, fill: tuple[float, float, float], seed: int
) -> None:
    pattern, alpha = draw_face(expression, size, generator(seed), fill)
    assert pattern.shape == (3, size, size)
    assert alpha.shape == (size, size)
    assert pattern.dtype == alpha.dtype == np.float32
    assert 0 <= pattern.min() <= pattern.max() <= 1
    assert 0 <= alpha.min() <= alpha.max() <= 1
    assert alpha.sum() > 0.5 * size**2


@pytest.mark.parametrize("size", [8, 32])
def test_all_expressions_differ_even_when_small(size: int) -> None:
    drawn = np.stack([draw_face(expression, size, generator(), (0.95, 0.9, 0.15))[0] for expression in EXPRESSIONS])
    assert len(EXPRESSIONS) >= 16
    gaps = np.abs(drawn[:, None] - drawn[None]).mean((2, 3, 4)) + np.eye(len(EXPRESSIONS))
    assert gaps.min() > 0.015


@pytest.mark.parametrize("fill", [(0.05, 0.05, 0.05), (0.97, 0.97, 0.97)])
def test_features_are_seen_on_dark_and_on_light_faces(fill: tuple[float, float, float]) -> None:
    for expression in EXPRESSIONS:
        pattern, _ = draw_face(expression, 32, generator(2), fill)
        middle = pattern[:, 6:26, 6:26]
        assert np.abs(middle - np.array(fill, np.float32)[:, None, None]).max() > 0.5


def test_faces_that_cannot_be_drawn_are_told() -> None:
    with pytest.raises(UnknownNameError, match="did you mean `smiling`"):
        draw_face("smilin", 12, generator(), (1, 1, 0))
    with pytest.raises(DataError, match="at least 4 pixels, got: 3"):
        draw_face("sad", 3, generator(), (1, 1, 0))


def test_pieces_lie_inside_one_block_of_their_part_and_are_spread_over_the_blocks() -> None:
    rows, columns = photographs.BLOCK
    found = photographs.pieces(Part.TRAIN, 40, 64, generator(1))
    blocks = []
    for piece in found:
        block = (piece.photograph, piece.top // rows, piece.left // columns)
        assert piece.top + piece.side <= (block[1] + 1) * rows
        assert piece.left + piece.side <= (block[2] + 1) * columns
        assert piece.pixels().shape == (3, 64, 64)
        blocks.append(block)
    others = {
        (piece.photograph, piece.top // rows, piece.left // columns)
        for part in (Part.CLEAN, Part.HELDOUT)
        for piece in photographs.pieces(part, 60, 64, generator(2))
    }
    assert not others & set(blocks)
    distinct = len(set(blocks))
    assert len(set(blocks[:distinct])) == distinct
    assert len({piece.words for piece in found}) == 40


def test_a_piece_is_what_the_photograph_shows_there() -> None:
    from sklearn.datasets import load_sample_image  # noqa: PLC0415 - one test needs it

    (piece,) = photographs.pieces(Part.HELDOUT, 1, 20, generator(4))
    whole = load_sample_image(photographs.NAMES[piece.photograph])
    expected = whole[piece.top : piece.top + 20, piece.left : piece.left + 20].transpose(2, 0, 1)
    np.testing.assert_array_equal(piece.pixels(), as_bytes(expected.astype(np.float32) / 255))
