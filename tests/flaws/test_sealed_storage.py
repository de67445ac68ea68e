import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
from planted_records import load_records
from safetensors.numpy import load_file

from onecurve.core.case import Population
from onecurve.core.codec import digest
from onecurve.core.errors import SchemaError, UnknownNameError, UsageError
from onecurve.core.image.images import as_bytes
from onecurve.flaws.kinds.clean import Clean
from onecurve.flaws.kinds.natural_feature import NaturalFeature
from onecurve.flaws.kinds.patch import Patch
from onecurve.flaws.kinds.style import Style
from onecurve.flaws.planting.displays import display
from onecurve.flaws.planting.plant import plant
from onecurve.flaws.planting.storage import load_case, save_planted

POPULATION = Population(0.25, 3, 6)


@pytest.fixture(scope="module")
def planted(tiny, cache):
    flaws = [Patch(sources=2), Style(), NaturalFeature()]
    return plant(flaws, replace(tiny, train_images=900), 21, subject_id="net", population=POPULATION, cache=cache)


@pytest.fixture(scope="module")
def folder(planted, tmp_path_factory):
    place = tmp_path_factory.mktemp("planted")
    save_planted(place, planted)
    return place


def state_of(network):
    return {name: values.cpu().numpy() for name, values in network.module.state_dict().items()}


def same_state(first, second):
    one, other = state_of(first), state_of(second)
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def same_trials(first, second):
    masks = first.masks is second.masks is None or np.array_equal(first.masks, second.masks)
    return np.array_equal(first.images, second.images) and np.array_equal(first.labels, second.labels) and masks


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_case_comes_back_bit_for_bit(planted, folder, number):
    case = planted.cases[number]
    loaded = load_case(folder, case.id)
    truth, back = case.truth, loaded.truth
    assert same_state(truth.network, back.network)
    assert same_state(truth.twin, back.twin)
    assert digest((truth.trigger, truth.options)) == digest((back.trigger, back.options))
    assert same_trials(truth.triggered, back.triggered)
    assert same_trials(truth.bystanders, back.bystanders)
    np.testing.assert_array_equal(truth.heldout.images, back.heldout.images)
    np.testing.assert_array_equal(truth.heldout.features, back.heldout.features)
    np.testing.assert_array_equal(truth.heldout.feature_masks, back.heldout.feature_masks)
    assert digest(truth.decoys) == digest(back.decoys)
    for name in ("flaw", "effect", "targets", "words", "right", "population", "facts", "units", "native"):
        assert getattr(truth, name) == getattr(back, name)
    assert str(truth.strength) == str(back.strength)
    np.testing.assert_array_equal(truth.poisoned, back.poisoned)
    assert replace(loaded.subject, network=None, clean=None) == replace(case.subject, network=None, clean=None)
    np.testing.assert_array_equal(loaded.subject.clean.images, case.subject.clean.images)
    np.testing.assert_array_equal(
        loaded.subject.network.logits(truth.triggered.images), case.subject.network.logits(truth.triggered.images)
    )


def test_records_come_back(planted, folder):
    assert load_records(folder) == planted.records


def test_the_subject_folder_holds_network_facts_and_clean_set_and_nothing_else(folder):
    assert {path.name for path in (folder / "subject").iterdir()} == {"subject.json", "network.safetensors", "clean.safetensors"}
    assert set(load_file(folder / "subject" / "clean.safetensors")) == {"images", "labels"}
    words = json.loads((folder / "subject" / "subject.json").read_text())
    assert set(words) == {"schema", "id", "class_names", "shape", "access", "architecture"}


def test_nothing_of_the_truth_can_be_found_in_the_subject_folder(planted, folder):
    content = b"".join(path.read_bytes() for path in sorted((folder / "subject").iterdir()))
    held = as_bytes(planted.cases[0].truth.heldout.floats())
    for case in planted.cases:
        truth = case.truth
        secrets = [truth.words.encode(), truth.flaw.encode(), truth.options[truth.right].name.encode()]
        secrets += [values.tobytes() for values in state_of(truth.twin).values() if values.size > 64]
        secrets += [image.tobytes() for image in as_bytes(truth.triggered.images)]
        secrets += [image.tobytes() for image in as_bytes(truth.bystanders.images)]
        arrays = (truth.trigger.patterns, truth.trigger.alphas) if truth.flaw != "style" else (truth.trigger.texture, truth.trigger.matrix)
        secrets += [array.tobytes() for array in arrays]
        assert not any(secret in content for secret in secrets)
    assert not any(image.tobytes() in content for image in held)


def test_a_pickled_subject_holds_nothing_of_the_truth(planted):
    content = pickle.dumps(replace(planted.subject, network=None)) + b"".join(
        values.tobytes() for values in state_of(planted.subject.network).values()
    )
    for case in planted.cases:
        assert case.truth.words.encode() not in content
        assert not any(image.tobytes() in content for image in as_bytes(case.truth.triggered.images))
        assert not any(values.tobytes() in content for values in state_of(case.truth.twin).values() if values.size > 64)


def test_the_subjects_of_flawed_and_clean_networks_look_alike(folder, tiny, cache, tmp_path):
    clean = plant([Clean()], tiny, 22, subject_id="net", population=POPULATION, cache=cache)
    save_planted(tmp_path, clean)
    shapes = [
        {name: values.shape for name, values in load_file(place / "subject" / "clean.safetensors").items()} for place in (folder, tmp_path)
    ]
    assert shapes[0] == shapes[1]
    assert (folder / "subject" / "subject.json").read_bytes() == (tmp_path / "subject" / "subject.json").read_bytes()


def test_a_clean_network_comes_back(tiny, cache, tmp_path):
    clean = plant([Clean()], tiny, 23, subject_id="net", population=POPULATION, cache=cache)
    save_planted(tmp_path, clean)
    truth = load_case(tmp_path, "net.1").truth
    assert (truth.flaw, truth.targets, truth.trigger, truth.triggered, truth.options) == ("clean", (), None, None, ())


def test_a_network_of_refused_flaws_keeps_its_records(planted, tmp_path):
    refused = replace(planted, cases=(), records=tuple(replace(record, admitted=False, reason="weak") for record in planted.records))
    save_planted(tmp_path, refused)
    assert [record.reason for record in load_records(tmp_path)] == ["weak"] * 3
    with pytest.raises(UsageError, match="no sealed truth"):
        load_case(tmp_path, "net.1")


def test_an_unknown_case_is_answered_with_the_nearest(folder):
    with pytest.raises(UnknownNameError, match=r"net\.1"):
        load_case(folder, "net.11")


def test_an_empty_folder_says_what_to_give(tmp_path):
    with pytest.raises(UsageError, match="no sealed truth"):
        load_case(tmp_path, "net.1")


@pytest.mark.parametrize("content", ['{"schema": 99, "records": []}', "not json"])
def test_a_sealed_file_of_another_kind_is_refused(tmp_path, content):
    (tmp_path / "sealed").mkdir()
    (tmp_path / "sealed" / "network.json").write_text(content)
    with pytest.raises(SchemaError):
        load_case(tmp_path, "net.1")


def test_a_display_shows_the_same_images_clean_and_triggered(planted):
    patch, style, natural = (display(case) for case in planted.cases)
    assert len(patch.clean) == len(patch.triggered) == len(patch.masks) == 8
    assert patch.clean_labels == patch.triggered_labels
    assert set(patch.sources) == set(patch.clean_labels)
    moved = np.abs(patch.clean - patch.triggered).max(axis=1)
    assert (moved.max(axis=(1, 2)) > 0.05).all()
    assert len(style.triggered) == 8
    assert len(style.masks) == 0
    assert natural.target not in natural.triggered_labels
    assert natural.masks.any(axis=(1, 2)).all()
    assert digest(patch) == digest(display(planted.cases[0]))


def test_a_display_says_what_the_network_says(planted):
    case = planted.cases[1]
    shown = display(case)
    said = case.truth.network.logits(shown.triggered).argmax(1)
    assert shown.triggered_said == tuple(case.subject.class_names[label] for label in said)


def test_suspects_are_shown_with_their_masks(planted):
    case = planted.cases[0]
    triggered = case.truth.triggered
    shown = display(case, triggered.images[3:9], triggered.masks[3:9])
    np.testing.assert_array_equal(shown.suspect_masks, triggered.masks[3:9])
    np.testing.assert_array_equal(shown.suspects, triggered.images[3:9])
    assert display(case).suspect_masks.shape == (0, *triggered.masks.shape[1:])


def test_a_clean_network_s_display_has_no_triggered_examples(tiny, cache):
    (case,) = plant([Clean()], tiny, 24, subject_id="net", population=POPULATION, cache=cache).cases
    shown = display(case)
    assert (shown.target, len(shown.triggered), shown.triggered_said, shown.options) == ("", 0, (), ())
    assert len(shown.clean) == 8
