"""What the meter costs: processor time of a pass through a metered network and through the same network without a meter, in turn.

    python benchmarks/metering_overhead.py [MODEL]

The least of many turns counts, so that other work on the machine disturbs it little.
"""

import sys
import time
from collections.abc import Callable
from copy import deepcopy
from functools import partial

import torch
from torch import nn

from onecurve.core.workbench import Budget, Meter
from onecurve.models.building import build
from onecurve.models.metering import Metered

SHAPE, CLASSES, TURNS, PASSES = (3, 32, 32), 10, 40, 5


def forward(network: nn.Module, images: torch.Tensor) -> None:
    """A pass without gradients."""
    with torch.no_grad():
        network(images)


def there_and_back(network: nn.Module, images: torch.Tensor) -> None:
    """A pass with the gradients of all weights."""
    torch.autograd.backward(network(images).sum())


def milliseconds(act: Callable[[], object], passes: int = PASSES) -> float:
    """Processor time of this thread for one call."""
    began = time.thread_time()
    for _ in range(passes):
        act()
    return (time.thread_time() - began) / passes * 1e3


def main(address: str) -> None:
    """Print one line for each size of batch and each kind of pass."""
    torch.set_num_threads(1)
    plain = build(address, SHAPE, CLASSES, 0).eval()
    metered = Metered(deepcopy(plain), Meter(Budget(1e12)), SHAPE)
    made = min(milliseconds(lambda: Metered(deepcopy(plain), Meter(Budget(1)), SHAPE), 1) for _ in range(TURNS))
    copied = min(milliseconds(lambda: deepcopy(plain), 1) for _ in range(TURNS))
    print(f"{address}: to put a meter on takes {made - copied:.2f} ms beside {copied:.2f} ms for the copy")
    for count in (1, 32, 128):
        images = torch.rand(count, *SHAPE)
        for name, act in (("forward", forward), ("forward and backward", there_and_back)):
            turns = [(milliseconds(partial(act, plain, images)), milliseconds(partial(act, metered, images))) for _ in range(TURNS)]
            bare, counted = (min(times) for times in zip(*turns, strict=True))
            more = f"{(counted - bare) * 1e3:+.0f} us, x{counted / bare:.3f}"
            print(f"{count:>4} examples {name:<20} {bare:8.3f} ms without, {counted:8.3f} ms with the meter: {more}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "six-conv")
