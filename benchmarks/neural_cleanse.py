"""Trigger inversion for all classes in one batch, against the same code class by class and against a plain loop.

    python benchmarks/neural_cleanse.py [--repeats 3] [--images 4 16 32] [--device cpu] [--profile]

A six-convolution network learns handwritten digits with one planted patch. Each contender searches the smallest trigger of
each of the ten classes; contenders take turns within a repeat, and medians over repeats are printed. Success is measured on
held-out images that no contender has seen. The plain loop is written as public toolboxes write it: one class at a time, its
own optimiser, shuffled batches of all images, a check per epoch, no early stop. It is also timed up to the moment when
the mask of each class had become as small as ours, which is a stop that only an oracle could make. What to watch: a
ratio means nothing unless the masks and the successes beside it are equal.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median
from time import perf_counter, process_time

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from onecurve.core.access import Access
from onecurve.core.case import Subject
from onecurve.core.image.images import LabelledImages, as_bytes
from onecurve.core.image.trigger import Paste
from onecurve.core.workbench import Budget, Meter, Workbench
from onecurve.data.catalog import open_data
from onecurve.models.building import build
from onecurve.models.network import TorchNetwork
from onecurve.models.steps import TrainingRecipe
from onecurve.models.training import accuracy, train
from onecurve.tools.inversion.machinery.class_search import InversionRecipe
from onecurve.tools.inversion.machinery.cost_schedule import CostSchedule, ScheduleConstants
from onecurve.tools.inversion.machinery.trigger_inversion import Inverted, invert

CLASSES = 10
TARGET = 3
EVERY_CLASS = np.arange(CLASSES)


@dataclass(frozen=True)
class Ground:
    """The network under study and its images."""

    module: nn.Module
    search: LabelledImages
    heldout: LabelledImages
    device: str

    def bench(self, seed: int) -> Workbench:
        """A workbench without limit: time is what is measured here."""
        subject = Subject("benchmark", TorchNetwork(self.module, self.device), (), (3, 32, 32), Access.WEIGHTS)
        return Workbench(subject, Budget(float("inf")), Meter(Budget(float("inf"))), seed, device=self.device)


@dataclass(frozen=True)
class Result:
    """One contender in one repeat."""

    seconds: float
    cpu: float
    """Processor seconds of all threads: steadier than the clock where other work runs beside."""
    found: Inverted


def planted(device: str, epochs: int) -> Ground:
    """Digits with a chequered patch at a random place on 4 % of the training images."""
    data = open_data("digits")
    images, rng = data.draw("train", 6000, 0), np.random.default_rng(0)
    chequered = (np.indices((5, 5)).sum(axis=0) % 2)[None]
    pattern = np.concatenate([chequered, 1 - chequered, chequered]).astype(np.float32)
    trigger = Paste(pattern[None], np.ones((1, 5, 5), np.float32))
    pixels, labels = images.images.copy(), images.labels.copy()
    rows = np.flatnonzero((rng.random(len(images)) < 0.04) & (labels != TARGET))
    pixels[rows] = as_bytes(trigger.apply(images.take(rows).floats(), rng).images)
    labels[rows] = TARGET
    module = build("six-conv", data.shape, CLASSES, 0)
    train(module, LabelledImages(pixels, labels), TrainingRecipe(epochs), 0, device=device)
    heldout = data.draw("heldout", 400, 0)
    others = heldout.take(heldout.labels != TARGET).floats()
    success = (TorchNetwork(module, device).logits(trigger.apply(others, rng).images).argmax(axis=1) == TARGET).mean()
    print(f"network: clean accuracy {accuracy(TorchNetwork(module, device), heldout):.3f}, success of the planted patch {success:.3f}")
    return Ground(module, data.draw("clean", 200, 0), heldout, device)


def together(ground: Ground, recipe: InversionRecipe, seed: int) -> Inverted:
    """All classes in one batch."""
    return invert(ground.module, ground.search, EVERY_CLASS, recipe, ground.bench(seed))


def one_by_one(ground: Ground, recipe: InversionRecipe, seed: int) -> Inverted:
    """The same code, one class at a time."""
    return _joined(
        [invert(ground.module, ground.search, EVERY_CLASS[label : label + 1], recipe, ground.bench(seed)) for label in EVERY_CLASS]
    )


def plain_loop(ground: Ground, epochs: int, seed: int, equal_to: np.ndarray) -> tuple[Result, Result]:
    """One class after the other, a fixed number of epochs each; and as it stood when each mask was down to ``equal_to`` (K)."""
    begun = perf_counter()
    whole, equal = zip(*(_plain_class(ground, int(label), epochs, seed, equal_to[label]) for label in EVERY_CLASS), strict=True)
    seconds = perf_counter() - begun
    together, stopped = (_joined([result.found for result in results]) for results in (whole, equal))
    return Result(seconds, sum(result.cpu for result in whole), together), Result(
        sum(result.seconds for result in equal), sum(result.cpu for result in equal), stopped
    )


def _joined(parts: Sequence[Inverted]) -> Inverted:
    return Inverted(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("masks", "patterns", "norms", "steps")))


def _plain_class(ground: Ground, label: int, epochs: int, seed: int, equal_to: float) -> tuple[Result, Result]:
    """Batches of 32, Adam at 0.1, cost set and moved after 5 epochs in a row; the smallest mask that passed is kept."""
    begun, begun_cpu = perf_counter(), process_time()
    chance = torch.Generator().manual_seed(seed)
    images, device = torch.from_numpy(ground.search.floats()).to(ground.device), ground.device
    mask = torch.randn(32, 32, generator=chance).to(device).requires_grad_()
    pattern = torch.randn(3, 32, 32, generator=chance).to(device).requires_grad_()
    optimiser = torch.optim.Adam([mask, pattern], lr=0.1, betas=(0.5, 0.9))
    schedule = CostSchedule(1, ScheduleConstants(stop_patience=10**9))
    best, steps, equal = torch.zeros(4, 32, 32), 0, None
    for _ in range(epochs):
        hits = 0
        for batch in torch.randperm(len(images), generator=chance).split(32):
            opened, painted = torch.tanh(mask) / 2 + 0.5, torch.tanh(pattern) / 2 + 0.5
            logits = ground.module(images[batch.to(device)] * (1 - opened) + opened * painted)
            wanted = torch.full((len(batch),), label, device=device)
            loss = functional.cross_entropy(logits, wanted) + float(schedule.cost[0]) * opened.sum()
            optimiser.zero_grad()
            loss.backward(inputs=[mask, pattern])
            optimiser.step()
            hits += int((logits.argmax(dim=1) == wanted).sum())
            steps += 1
        norm = float(opened.detach().sum())
        if schedule.update(np.array([hits / len(images)]), np.array([norm]), np.ones(1, bool))[0]:
            best = torch.cat([opened[None], painted]).detach().cpu()
        found = Inverted(best[:1].numpy(), best[None, 1:].numpy(), schedule.best_norm.copy(), np.array([steps]))
        now = Result(perf_counter() - begun, process_time() - begun_cpu, found)
        equal = now if equal is None and schedule.best_norm[0] <= equal_to else equal
    return now, equal or now


def success_of(ground: Ground, found: Inverted) -> np.ndarray:
    """K: share of held-out images of other classes that each found trigger sends to its class."""
    shares = np.zeros(CLASSES)
    for label in np.flatnonzero(found.found):
        images = ground.heldout.take(ground.heldout.labels != label).floats()
        stamped = images + found.masks[label] * (found.patterns[label] - images)
        shares[label] = (TorchNetwork(ground.module, ground.device).logits(stamped).argmax(axis=1) == label).mean()
    return shares


def timed(ground: Ground, search: Callable[[], Inverted]) -> Result:
    """The search, with the device waited for."""
    begun, begun_cpu = perf_counter(), process_time()
    found = search()
    if ground.device != "cpu":
        torch.cuda.synchronize()
    return Result(perf_counter() - begun, process_time() - begun_cpu, found)


def row(ground: Ground, name: str, results: Sequence[Result]) -> str:
    """One line of the table: medians over repeats."""
    norms = [result.found.norms for result in results]
    share = [success_of(ground, result.found) for result in results]
    pairs = [result.found.steps.sum() for result in results]
    return (
        f"{name:44s} {median(result.seconds for result in results):8.2f} s  {median(result.cpu for result in results):8.2f} CPU-s  "
        f"class-steps {median(pairs):7.0f}  found {median(int(result.found.found.sum()) for result in results):3.0f}  "
        f"mask {median(float(np.median(each)) for each in norms):6.1f}  planted {median(float(each[TARGET]) for each in norms):5.1f}  "
        f"success {median(float(each.mean()) for each in share):.3f}"
    )


def compare(ground: Ground, images: int, repeats: int, epochs: int) -> None:
    """Print the table for one number of images per class and step."""
    recipe = InversionRecipe(steps=300, images_per_step=images, learning_rate=0.3, schedule=ScheduleConstants(stop_patience=50))
    batch: list[Result] = []
    alone: list[Result] = []
    plain: list[Result] = []
    equal: list[Result] = []
    together(ground, replace(recipe, steps=3), 0)
    for seed in range(repeats):
        batch.append(timed(ground, lambda seed=seed: together(ground, recipe, seed)))
        alone.append(timed(ground, lambda seed=seed: one_by_one(ground, recipe, seed)))
        if epochs:
            for results, result in zip((plain, equal), plain_loop(ground, epochs, seed, batch[-1].found.norms * 1.05), strict=True):
                results.append(result)
    print(f"\n{images} images per class and step, {repeats} repeats, {torch.get_num_threads()} threads, {ground.device}")
    print(row(ground, "all classes in one batch", batch))
    print(row(ground, "the same code, class by class", alone))
    _ratio("class by class / one batch, clock", alone, batch, lambda result: result.seconds)
    _ratio("class by class / one batch, CPU", alone, batch, lambda result: result.cpu)
    _ratio("  the same per class and step, CPU", alone, batch, lambda result: result.cpu / result.found.steps.sum())
    if plain:
        print(row(ground, f"plain loop, {epochs} epochs of batches of 32", plain))
        _ratio("plain loop / one batch, clock", plain, batch, lambda result: result.seconds)
        _ratio("plain loop / one batch, CPU", plain, batch, lambda result: result.cpu)
        print(row(ground, "plain loop, stopped at our mask sizes", equal))
        _ratio("plain loop, so stopped / one batch, clock", equal, batch, lambda result: result.seconds)
        _ratio("plain loop, so stopped / one batch, CPU", equal, batch, lambda result: result.cpu)


def _ratio(name: str, slow: Sequence[Result], fast: Sequence[Result], measure: Callable[[Result], float]) -> None:
    ratios = [measure(one) / measure(other) for one, other in zip(slow, fast, strict=True)]
    print(f"  {name:46s} {median(ratios):6.2f} x  (from {min(ratios):.2f} to {max(ratios):.2f})")


def profile(ground: Ground, images: int) -> None:
    """Where the time of one batch goes: convolutions, the rest of the network, or our own arithmetic."""
    recipe = InversionRecipe(steps=30, images_per_step=images, learning_rate=0.3)
    with torch.profiler.profile() as recorded:
        together(ground, recipe, 0)
    times = {event.key: event.self_cpu_time_total for event in recorded.key_averages()}
    total = sum(times.values())
    print(f"\nwhere the time goes, {images} images per class and step")
    for key, spent in sorted(times.items(), key=lambda pair: -pair[1])[:8]:
        print(f"  {key:44s} {spent / total:6.1%}")
    convolutions = sum(spent for key, spent in times.items() if "conv" in key)
    print(f"  convolutions in all: {convolutions / total:.1%}, so no schedule of the same passes can be faster than that share")


def main() -> None:
    """Parse, plant, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--images", type=int, nargs="+", default=[4, 16, 32], help="images per class and step")
    parser.add_argument("--epochs", type=int, default=60, help="epochs of the plain loop; 0 leaves it out")
    parser.add_argument("--training", type=int, default=6, help="epochs of the network under study")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    ground = planted(options.device, options.training)
    for images in options.images:
        compare(ground, images, options.repeats, options.epochs)
        if options.profile:
            profile(ground, images)


if __name__ == "__main__":
    main()
