"""Networks drawn from a declared distribution: the shares are the declared ones, and the seed decides the rest."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from onecurve.flaws.catalog import CONTROLS, FLAWS, SOLITARY, VARIETIES
from onecurve.flaws.planting.sampling import Distribution, drawn_networks

WHOLE = Distribution(
    controls=0.3,
    clean_share=None,
    data={"digits": 3, "shapes": 1},
    models={"six-conv": 1},
    insertions=((2.0, {}), (1.0, {"insertion": "finetune"})),
    flaws_per_network={1: 2, 3: 1},
    kinds={},
    control_kinds={},
    dials=True,
)


def kinds_of(draw):
    return [flaw.partition("[")[0] for flaw in draw.flaws]


@pytest.fixture(scope="module")
def draws():
    return drawn_networks(WHOLE, 600, 4)


def test_the_same_seed_draws_the_same(draws):
    assert drawn_networks(WHOLE, 600, 4) == draws
    assert drawn_networks(WHOLE, 600, 5) != draws
    assert len({draw.label for draw in draws}) == 600


def test_controls_have_their_share_and_clean_networks_half_of_it(draws):
    quiet = [draw for draw in draws if all(kind in CONTROLS for kind in kinds_of(draw))]
    assert len(quiet) == 180
    assert sum(not draw.flaws for draw in quiet) == pytest.approx(90 if len(CONTROLS) > 1 else 180, abs=1)


@pytest.mark.parametrize("clean", [0.0, 0.2, 0.3])
def test_clean_networks_have_the_share_that_is_asked_for_and_controls_the_rest(clean):
    quiet = [draw for draw in drawn_networks(replace(WHOLE, clean_share=clean), 600, 4) if all(kind in CONTROLS for kind in kinds_of(draw))]
    assert len(quiet) == 180
    assert sum(not draw.flaws for draw in quiet) == round(600 * clean)
    assert {kinds_of(draw)[0] for draw in quiet if draw.flaws} == ({*CONTROLS} - {"clean"} if clean < 0.3 else set())


def test_every_kind_comes_as_often_as_every_other(draws):
    first = Counter(kinds_of(draw)[0] for draw in draws if draw.flaws and kinds_of(draw)[0] not in CONTROLS)
    assert set(first) == set(FLAWS.names()) - set(CONTROLS)
    assert max(first.values()) - min(first.values()) <= 1


def test_factors_have_their_shares(draws):
    assert Counter(draw.data for draw in draws) == {"digits": 450, "shapes": 150}
    assert sum(bool(draw.recipe) for draw in draws) == 200


def test_a_network_holds_no_kind_twice_and_nothing_beside_what_needs_it_alone(draws):
    for draw in draws:
        kinds = kinds_of(draw)
        assert len(set(kinds)) == len(kinds)
        assert len(kinds) <= 1 or not {*kinds} & {*SOLITARY, *CONTROLS}
    assert {len(draw.flaws) for draw in draws} >= {0, 1, 3}


def test_dials_and_varieties_are_drawn_and_every_address_can_be_built(draws):
    for address in {flaw for draw in draws for flaw in draw.flaws}:
        FLAWS.make(address)
    patches = {flaw for draw in draws for flaw in draw.flaws if flaw.startswith("patch[")}
    assert len(patches) >= len(FLAWS.load("patch").dial["poison_rate"]) * len(set(VARIETIES["patch"]["sources"]))


def test_every_dial_has_three_settings_and_belongs_to_the_flaw():
    for name in FLAWS.names():
        kind = FLAWS.load(name)
        for parameter, values in kind.dial.items():
            assert len(values) >= 3
            assert parameter in kind.__dataclass_fields__
            for value in values:
                FLAWS.make(f"{name}[{parameter}={value}]")
        assert kind.dial or name in CONTROLS
        for parameter in VARIETIES.get(name, {}):
            assert parameter in kind.__dataclass_fields__


def test_named_kinds_are_kept_as_they_are():
    only = replace(WHOLE, controls=0.5, flaws_per_network={1: 1}, kinds={"patch[poison_rate=0.2]": 1}, control_kinds={"clean": 1})
    draws = drawn_networks(only, 10, 0)
    assert sorted(draw.flaws for draw in draws) == [()] * 5 + [("patch[poison_rate=0.2]",)] * 5


def test_data_of_two_classes_get_no_source_classes(tmp_path):
    np.savez(tmp_path / "two.npz", images=np.random.default_rng(0).integers(0, 255, (40, 8, 8, 3), np.uint8), labels=np.arange(40) % 2)
    address = f"npz:{tmp_path}/two.npz"
    only = replace(WHOLE, controls=0, data={address: 1, "digits": 1}, kinds={"patch": 1}, control_kinds={})
    draws = drawn_networks(only, 40, 0)
    assert not any("sources=2" in flaw for draw in draws if draw.data == address for flaw in draw.flaws)
    assert any("sources=2" in flaw for draw in draws if draw.data == "digits" for flaw in draw.flaws)
