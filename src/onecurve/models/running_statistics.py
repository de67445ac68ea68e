"""Checks that the statistics in the normalisation layers of a trained network match its images.

In a converted network the normalisation may be folded into the weights, and the normalisation layers do nothing. Such a network
works until it is trained: then these layers normalise by each batch, and within one step its accuracy is lost.
"""

from copy import deepcopy

from torch.nn.modules.batchnorm import _NormBase

from onecurve.core.errors import ModelError
from onecurve.core.image.images import LabelledImages
from onecurve.models.network import TorchNetwork
from onecurve.models.training import accuracy

TRIED = 64
"""Number of images; enough to distinguish a fall of ``MOST_LOST`` from chance (five standard errors)."""
MOST_LOST = 0.3


def require_matching_statistics(network: TorchNetwork, images: LabelledImages) -> None:
    """Raise ``ModelError`` if batch statistics cost the network more than ``MOST_LOST`` of its accuracy on ``images``."""
    if not any(isinstance(part, _NormBase) for part in network.module.modules()):
        return
    some = images.take(slice(TRIED))
    kept, learnt = accuracy(network, some), accuracy(_with_batch_statistics(network), some)
    if kept - learnt > MOST_LOST:
        raise ModelError(
            f"the accuracy of the network is {kept:.2f} with its own normalisation statistics and {learnt:.2f} with those of the batch, "
            "as in training: its statistics do not match its images",
            "keep them in training, in the suite's recipe: {insertion_training: {statistics: kept, …}}",
        )


def _with_batch_statistics(network: TorchNetwork) -> TorchNetwork:
    """A copy whose normalisation layers have no statistics, so that they use those of each batch, in eval mode too."""
    module = deepcopy(network.module)
    for part in module.modules():
        if isinstance(part, _NormBase):
            part.running_mean = part.running_var = None
    return TorchNetwork(module, network.device)
