"""How long a pass through a network takes on this machine."""

from statistics import median
from time import process_time

import torch

from onecurve.models.network import TorchNetwork, evaluating, layout_for

EXAMPLES = 64
"""Images in one batch: about what a tool uses."""
LEAST, MOST, ENOUGH = 3, 20, 0.3
"""Batches that are timed: at least so many, at most so many, and no more once they took so many seconds together."""


def pass_seconds(network: TorchNetwork, shape: tuple[int, int, int]) -> float:
    """Processor seconds of one example's pass forward: the median over batches of 64 images of noise, without gradients."""
    images = torch.rand(EXAMPLES, *shape, generator=torch.Generator().manual_seed(0)).to(network.device)
    images = images.contiguous(memory_format=layout_for(network.module))
    times: list[float] = []
    with evaluating(network.module), torch.no_grad():
        network.module(images)
        while len(times) < LEAST or (len(times) < MOST and sum(times) < ENOUGH):
            began = process_time()
            network.module(images)
            times.append(process_time() - began)
    return median(times) / EXAMPLES
