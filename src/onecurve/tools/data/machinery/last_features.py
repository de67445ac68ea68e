"""What goes into the last linear layer for each image, with what comes out of the network: one pass for both."""

import numpy as np
import torch
from torch import Tensor, nn

from onecurve.core.errors import ModelError
from onecurve.core.image.images import Floats
from onecurve.models.hooks import head
from onecurve.models.network import evaluating, layout_for
from onecurve.tools.machinery.sizes import chunks, images_per_forward


def last_features(module: nn.Module, images: Floats, device: str) -> tuple[Floats, Floats]:
    """Features float32 N x D and logits float32 N x K; the logits twice where the network has no linear layer or gives it no rows."""
    seen: list[Tensor] = []
    try:
        handle = head(module)[1].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    except ModelError:
        handle = None
    said = []
    try:
        with evaluating(module), torch.no_grad():
            for part in chunks(len(images), images_per_forward(images.shape[2], images.shape[3], device)):
                batch = torch.from_numpy(images[part]).to(device).contiguous(memory_format=layout_for(module))
                said.append(module(batch).cpu().numpy())
    finally:
        if handle is not None:
            handle.remove()
    logits = np.concatenate(said)
    found = torch.cat([each.flatten(1) for each in seen]).cpu().numpy() if seen else logits
    return (found if len(found) == len(logits) else logits), logits
