"""Published networks that the authors did not make, read as a person would read them."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from onecurve.core.errors import ModelError
from onecurve.core.image.images import LabelledImages
from onecurve.core.workbench import Budget, Meter
from onecurve.models.building import build
from onecurve.models.metering import Metered
from onecurve.models.network import TorchNetwork, layout_for
from onecurve.models.running_statistics import require_matching_statistics
from onecurve.models.storage import load_network, save_network
from onecurve.models.training import accuracy

DATA = Path(os.environ.get("ONECURVE_DATA", Path(__file__).parents[2] / "../shared/data"))
pytestmark = pytest.mark.skipif(not (DATA / "networks.py").is_file(), reason=f"no real networks in {DATA}: set ONECURVE_DATA")


def published(name: str) -> nn.Module:
    return build(f"{DATA / 'networks.py'}:{name}", (3, 32, 32), 10, 0)


@pytest.fixture(scope="module")
def photographs() -> LabelledImages:
    with np.load(DATA / "images" / "cifar10_lossless_train4000.npz") as arrays:
        images, labels = arrays["x"][:200], arrays["label"][:200].astype(np.int64)
    return LabelledImages(np.ascontiguousarray(images.transpose(0, 3, 1, 2)), labels)


def test_resnet20_of_cifar10_is_as_good_as_published(photographs: LabelledImages) -> None:
    assert accuracy(TorchNetwork(published("cifar10_resnet20")), photographs) > 0.98


def test_a_converted_network_is_told_from_one_whose_normalisation_is_its_own(photographs: LabelledImages) -> None:
    require_matching_statistics(TorchNetwork(published("cifar10_resnet20")), photographs)
    with np.load(DATA / "images" / "imagenet1k_sample256.npz") as arrays:
        bodies, starts, rows = arrays["jpeg"], arrays["offsets"], np.arange(0, 1000, 16)
        labels = arrays["label"][rows].astype(np.int64)
    pictures = [Image.open(io.BytesIO(bodies[starts[row] : starts[row + 1]].tobytes())) for row in rows]
    images = np.stack([np.asarray(picture.convert("RGB"))[16:240, 16:240] for picture in pictures]).transpose(0, 3, 1, 2)
    network = build(f"{DATA / 'networks.py'}:imagenet_mobilenet_v2", (3, 224, 224), 1000, 0)
    assert layout_for(network) == torch.channels_last
    with pytest.raises(ModelError, match=r"and 0\.0. with those of the batch"):
        require_matching_statistics(TorchNetwork(network), LabelledImages(np.ascontiguousarray(images), labels))


@pytest.mark.parametrize("name", ["cifar10_resnet20", "cifar10_wrn_trojaned", "cifar10_robust"])
def test_a_published_network_can_be_metered_and_handed_back_as_operations(tmp_path: Path, photographs: LabelledImages, name: str) -> None:
    network, like = TorchNetwork(published(name)), build("six-conv", (3, 32, 32), 10, 0)
    save_network(tmp_path / "n.safetensors", network, like)
    few = photographs.take(slice(16)).floats()
    expected = network.logits(few)
    np.testing.assert_allclose(load_network(tmp_path / "n.safetensors", like).logits(few), expected, rtol=1e-3, atol=1e-3)
    meter = Meter(Budget(1e9))
    np.testing.assert_array_equal(TorchNetwork(Metered(network.module, meter)).logits(few), expected)
    assert meter.forward == 16
