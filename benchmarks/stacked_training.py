"""Training many small networks at once against one by one, side by side in one run.

    python benchmarks/stacked_training.py [--networks 1 4 16] [--model six-conv] [--images 4000] [--device cpu] [--repeats 3]

Prints, for each number of networks, the median seconds one by one and stacked, the ratio of the two, how many times the
training of one network the stacked training took, and both ways' mean accuracy on unseen images.
"""

import argparse
import time
from statistics import fmean, median

import torch
from torch import nn

from onecurve.core.image.images import LabelledImages
from onecurve.data.catalog import open_data
from onecurve.data.dataset import Part
from onecurve.models.building import build
from onecurve.models.network import TorchNetwork
from onecurve.models.stacked import train_together
from onecurve.models.steps import TrainingRecipe
from onecurve.models.training import accuracy, train


def main() -> None:
    """Measure and print."""
    asked = _arguments()
    dataset = open_data("digits")
    images, unseen = dataset.draw(Part.TRAIN, asked.images, 0), dataset.draw(Part.HELDOUT, 1000, 0)
    recipe = TrainingRecipe(epochs=asked.epochs, batch_size=64)
    print(f"{asked.model} on {asked.device}, {torch.get_num_threads()} threads, {asked.images} images, {asked.epochs} epochs")
    single = median(_seconds(asked, 1, images, recipe, stacked=False)[0] for _ in range(asked.repeats))
    for count in asked.networks:
        pairs = [[_seconds(asked, count, images, recipe, stacked=stacked) for stacked in (False, True)] for _ in range(asked.repeats)]
        alone, together = (median(pair[place][0] for pair in pairs) for place in (0, 1))
        accuracies = [[accuracy(TorchNetwork(module, asked.device), unseen) for module in pairs[-1][place][1]] for place in (0, 1)]
        print(
            f"{count:3d} networks: one by one {alone:7.2f} s, stacked {together:7.2f} s, ratio {alone / together:5.2f}, "
            f"{together / single:5.2f} times one network; accuracy {fmean(accuracies[0]):.3f} "
            f"({min(accuracies[0]):.3f} to {max(accuracies[0]):.3f}), {fmean(accuracies[1]):.3f} "
            f"({min(accuracies[1]):.3f} to {max(accuracies[1]):.3f})"
        )


def _seconds(
    asked: argparse.Namespace, count: int, images: LabelledImages, recipe: TrainingRecipe, *, stacked: bool
) -> tuple[float, list[nn.Module]]:
    modules = [build(asked.model, images.images.shape[1:], 10, seed) for seed in range(count)]
    _wait(asked.device)
    started = time.perf_counter()
    if stacked:
        train_together(modules, [images] * count, recipe, range(count), device=asked.device)
    else:
        for seed, module in enumerate(modules):
            train(module, images, recipe, seed, device=asked.device)
    _wait(asked.device)
    return time.perf_counter() - started, modules


def _wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--model", default="six-conv")
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeats", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
