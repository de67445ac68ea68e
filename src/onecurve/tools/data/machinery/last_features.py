"""What goes into the linear layer that runs last, for each image, with what comes out of the network: one pass for both."""

import numpy as np
import torch
from torch import Tensor, nn

from onecurve.core.image.images import Floats
from onecurve.models.network import evaluating, layout_for
from onecurve.tools.machinery.sizes import chunks, images_per_forward


def last_features(module: nn.Module, images: Floats, device: str) -> tuple[Floats, Floats]:
    """Features float32 N x D and logits float32 N x K; the logits twice where no linear layer runs, or the last one gets other rows."""
    seen: list[Tensor] = []
    said, features = [], []
    layers = [part for part in module.modules() if isinstance(part, nn.Linear)]
    handles = [layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach())) for layer in layers]
    try:
        with evaluating(module), torch.no_grad():
            for part in chunks(len(images), images_per_forward(images.shape[2], images.shape[3], device)):
                batch = torch.from_numpy(images[part]).to(device).contiguous(memory_format=layout_for(module))
                said.append(module(batch).cpu().numpy())
                # The last to run, which need not be the last that was registered.
                features += [each.flatten(1).cpu().numpy() for each in seen[-1:]]
                seen.clear()
    finally:
        for handle in handles:
            handle.remove()
    logits = np.concatenate(said)
    found = np.concatenate(features) if features else logits
    return (found if len(found) == len(logits) else logits), logits
