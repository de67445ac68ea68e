"""Whether the statistics of a trained network's normalisation layers are those of its images.

A converted network may have its normalisation folded into the weights before it and layers left that do nothing. As it comes it works;
trained on, such layers normalise by each batch, and within a step nothing is left of it.
"""

from copy import deepcopy

import torch
from torch.nn.modules.batchnorm import _NormBase

from onecurve.core.errors import ModelError
from onecurve.core.images import LabelledImages
from onecurve.models.network import TorchNetwork, evaluating, layout_for
from onecurve.models.parts import tensor_of

TRIED = 64
"""Images: enough to tell a fall of ``MOST_LOST`` from chance (five standard errors)."""
MOST_LOST = 0.3


def require_true_statistics(network: TorchNetwork, images: LabelledImages) -> None:
    """Raise ``ModelError`` where normalising by the batch costs the network more than ``MOST_LOST`` of its accuracy on ``images``."""
    if not any(isinstance(part, _NormBase) for part in network.module.modules()):
        return
    some = images.take(slice(TRIED))
    kept, learnt = (_accuracy(network, some, by_batch=by_batch) for by_batch in (False, True))
    if kept - learnt > MOST_LOST:
        raise ModelError(
            f"the network recognises {kept:.2f} of its images as it comes and {learnt:.2f} when its normalisation layers go by the batch, "
            "as in training: their statistics are not those of its images",
            "keep them as they are, in the suite's recipe: {insertion_training: {statistics: kept, …}}",
        )


@torch.no_grad()
def _accuracy(network: TorchNetwork, images: LabelledImages, *, by_batch: bool) -> float:
    module = deepcopy(network.module)
    with evaluating(module):
        for part in module.modules():
            if isinstance(part, _NormBase):
                part.train(by_batch)
        pixels = tensor_of(images.floats()).to(network.device).contiguous(memory_format=layout_for(module))
        said = module(pixels).argmax(1).cpu().numpy()
    return float((said == images.labels).mean())
