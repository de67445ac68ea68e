"""The flow of methods with a fixed number of passes per suspect: a larger budget pays for more suspects only.

Each method defines how it attributes one batch; this module runs it on the suspects that the budget pays for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor, nn

from onecurve.core.evidence import Check, Evidence
from onecurve.core.question import Brief
from onecurve.core.workbench import Meter, Workbench
from onecurve.models.network import torch_module
from onecurve.tools.attribution.machinery.map_checks import Sign, completeness, shown, unsigned
from onecurve.tools.attribution.machinery.sanity_checks import examined
from onecurve.tools.machinery.sizes import chunks, images_per_gradient


@final
@dataclass(frozen=True, eq=False)
class Attributions:
    """Signed attributions of a batch."""

    values: Tensor
    """N x C x H x W; C is 1 where channels have no attributions of their own."""
    rises: Tensor | None = None
    """N: what they should add up to, where the method is complete."""
    note: str = ""
    """What a reader of the maps should know, for the caption."""


Attribute = Callable[[Tensor, int | None], Attributions]
"""Images N x C x H x W and the target class (None: what the network says) to attributions."""
Maker = Callable[[nn.Module, tuple[int, int, int], Meter], Attribute]
"""What is prepared once per look, for a network that counts on the meter and images of that shape."""


@final
@dataclass(frozen=True)
class OnePass:
    """A method that goes through the network a fixed number of times per suspect."""

    maker: Maker
    cost: int
    """Forward-equivalents per suspect."""
    caption: str
    sign: Sign
    preparation: int = 0
    """Forward-equivalents spent once per look."""

    @examined
    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        """One map per suspect that the budget pays for; nothing without suspects."""
        if brief.suspects is None or workbench.remaining < self.preparation + self.cost:
            return Evidence()
        count = int(min(len(brief.suspects), (workbench.remaining - self.preparation) / self.cost))
        images = torch.from_numpy(np.ascontiguousarray(brief.suspects[:count])).to(workbench.device)
        shape = workbench.subject.input_shape
        module = torch_module(workbench.subject)
        attribute = self.maker(module, shape, workbench.meter)
        parts = [attribute(images[part], brief.target) for part in chunks(count, images_per_gradient(*shape[1:], workbench.device))]
        maps = np.concatenate([unsigned(part.values, self.sign) for part in parts])
        caption = "; ".join(filter(None, (self.caption, parts[0].note)))
        return shown(maps, caption, *_sums(parts))


def _sums(parts: list[Attributions]) -> list[Check]:
    pairs = [(part.values.flatten(1).sum(dim=1), part.rises) for part in parts if part.rises is not None]
    if not pairs:
        return []
    sums, rises = (torch.cat(list(each)).detach().cpu().numpy() for each in zip(*pairs, strict=True))
    return [completeness(sums, rises)]
