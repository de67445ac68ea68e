"""Colour matrix, offset and texture for many classes at once by gradient descent: the engine of style inversion.

All classes share one batch of images, as in `trigger_inversion`. The texture starts at a random place in each image of each step, so
that it cannot draw an object: what is found works anywhere.
"""

import math
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from onecurve.core.image.filter import Filter
from onecurve.core.image.images import Bools, Ints, LabelledImages
from onecurve.core.workbench import Workbench
from onecurve.models.network import layout_for
from onecurve.tools.inversion.machinery.class_search import InversionRecipe, drive
from onecurve.tools.inversion.machinery.cost_schedule import CostSchedule
from onecurve.tools.inversion.machinery.pairs import Pairs, RecentSuccess, drawn_pairs
from onecurve.tools.machinery.sizes import images_per_pass

PIXELS = 1024
"""Sizes of changes are stated as the number of pixels, of 32 x 32, that would have to turn from black to white for as large a change."""
SLOWER = 5
"""How many times more slowly colours are learnt than textures."""
START = 0.1
"""Standard deviation of textures and offsets at the start, in units of the pixel range: well above what is found, so that the search begins
where networks respond; from 0.03 one search in three found nothing."""


@final
@dataclass(frozen=True)
class Restyled:
    """What was found for the K classes asked about: the smallest change of each that passed, or the most successful where none did."""

    matrices: np.ndarray
    """float32 K x C x C."""
    offsets: np.ndarray
    """float32 K x C."""
    textures: np.ndarray
    """float32 K x C x H x W."""
    sizes: np.ndarray
    """float64 K; infinite where the threshold was never reached."""
    reached: np.ndarray
    """float64 K; the share of the images of a step that each sent to its class, in [0, 1]."""

    def trigger(self, row: int) -> Filter:
        """The change of one class as a trigger that can be applied and stored."""
        return Filter(self.matrices[row], self.offsets[row], self.textures[row])


def restyle(
    module: nn.Module, images: LabelledImages, classes: Ints, recipe: InversionRecipe, workbench: Workbench, reserve: float
) -> Restyled:
    """Search a style for each of ``classes`` (int64 K) on ``images``, stopping while ``reserve`` of the budget is left."""
    search = _Search(module, images, classes, recipe, workbench)
    drive(search, recipe.steps, workbench, reserve)
    return search.result()


@final
class _Styles:
    """K styles as numbers without bounds: colour matrices less the identity, offsets, and spectra of textures.

    A spectrum is divided by its frequency, as in Lucid's images, so that coarse structure is learnt as fast as fine one.
    """

    def __init__(self, count: int, shape: tuple[int, int, int], rng: np.random.Generator, device: torch.device) -> None:
        channels, height, width = shape
        frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
        scale = 1 / np.maximum(frequency, 1 / max(height, width))
        scale[0, 0] = 0
        drawn = rng.normal(size=(count, channels, *scale.shape, 2)).astype(np.float32)
        self.shape = (height, width)
        self._scale = torch.from_numpy((scale * START / np.linalg.norm(scale) * math.sqrt(height * width / 2)).astype(np.float32)).to(
            device
        )
        self._spectra = torch.from_numpy(drawn).to(device).requires_grad_()
        self._colours = torch.zeros(count, channels, channels, device=device, requires_grad=True)
        self._shifts = torch.from_numpy((START * rng.normal(size=(count, channels))).astype(np.float32)).to(device).requires_grad_()
        self.identity = torch.eye(channels, device=device)

    @property
    def parameters(self) -> list[Tensor]:
        return [self._spectra, self._colours, self._shifts]

    def values(self) -> tuple[Tensor, Tensor, Tensor]:
        """Matrices K x C x C, offsets K x C, textures K x C x H x W with mean 0."""
        textures = torch.fft.irfft2(torch.view_as_complex(self._spectra) * self._scale, s=self.shape, norm="ortho")
        return self.identity + self._colours, self._shifts, textures


@final
class _Search:
    """The state of one search over K classes."""

    def __init__(self, module: nn.Module, images: LabelledImages, classes: Ints, recipe: InversionRecipe, workbench: Workbench) -> None:
        self._module, self._recipe, self._rng = module, recipe, workbench.rng
        self._layout, self._device = layout_for(module), torch.device(workbench.device)
        self._labels, self._classes = images.labels, classes
        self._images = torch.from_numpy(images.floats()).to(self._device)
        self._targets = torch.from_numpy(classes).to(self._device)
        _, channels, height, width = self._images.shape
        self._styles = _Styles(len(classes), (channels, height, width), workbench.rng, self._device)
        self._optimiser = torch.optim.Adam(
            [
                {"params": self._styles.parameters[:1], "lr": recipe.learning_rate},
                {"params": self._styles.parameters[1:], "lr": recipe.learning_rate / SLOWER},
            ],
            lr=recipe.learning_rate,
            betas=(0.5, 0.9),
        )
        self._best = [values.detach().clone() for values in self._styles.values()]
        self._recent = RecentSuccess(len(classes), recipe.images_per_step)
        self._reached = np.zeros(len(classes))
        self.schedule = CostSchedule(len(classes), recipe.schedule)

    def draw(self, active: Bools) -> Pairs:
        """Every active class with every image of a fresh batch that is not of that class."""
        return drawn_pairs(self._classes, self._labels, active, self._recipe.images_per_step, self._rng)

    def step(self, pairs: Pairs, active: Bools) -> None:
        """One optimiser step and one check of all classes in the batch."""
        counts = np.bincount(pairs.classes, minlength=len(self._classes))
        now = [values.detach().clone() for values in self._styles.values()]
        gradients, hits, sizes = self._gradients(pairs, counts)
        success, checked = self._recent.after(hits, counts), active & (counts > 0)
        improved = self.schedule.update(success, sizes, checked)
        # Until a class passes, its most successful style is kept.
        improved |= checked & np.isinf(self.schedule.best_norm) & (success > self._reached)
        self._reached[improved] = success[improved]
        keep = torch.from_numpy(improved).to(self._device)
        for best, values in zip(self._best, now, strict=True):
            best[keep] = values[keep]
        for parameter, gradient in zip(self._styles.parameters, gradients, strict=True):
            parameter.grad = gradient
        self._optimiser.step()

    def _gradients(self, pairs: Pairs, counts: Ints) -> tuple[list[Tensor], np.ndarray, np.ndarray]:
        """Gradients of the losses, successes per class, and the sizes of the changes (both float64 K)."""
        shares = torch.from_numpy((1 / np.maximum(counts, 1)).astype(np.float32)).to(self._device)
        costs = torch.from_numpy(self.schedule.cost.astype(np.float32)).to(self._device)
        totals = [torch.zeros_like(parameter) for parameter in self._styles.parameters]
        hits, sizes = (torch.zeros(len(self._classes), device=self._device) for _ in range(2))
        chunk = images_per_pass(*self._styles.shape)
        for start in range(0, len(pairs.classes), chunk):
            which = torch.from_numpy(pairs.classes[start : start + chunk]).to(self._device)
            images = self._images[torch.from_numpy(pairs.images[start : start + chunk]).to(self._device)]
            changed = restyled(images, self._styles.values(), which, self._rng)
            logits = self._module(changed.contiguous(memory_format=self._layout))
            size = PIXELS * (changed - images).abs().mean((1, 2, 3))
            loss = functional.cross_entropy(logits, self._targets[which], reduction="none") + costs[which] * size
            for total, gradient in zip(totals, torch.autograd.grad((loss * shares[which]).sum(), self._styles.parameters), strict=True):
                total.add_(gradient)
            hits.index_add_(0, which, (logits.detach().argmax(dim=1) == self._targets[which]).float())
            sizes.index_add_(0, which, size.detach() * shares[which])
        return totals, hits.double().cpu().numpy(), sizes.double().cpu().numpy()

    def result(self) -> Restyled:
        matrices, offsets, textures = (best.cpu().numpy() for best in self._best)
        return Restyled(matrices, offsets, textures, self.schedule.best_norm.copy(), self._reached)


def restyled(images: Tensor, styles: tuple[Tensor, Tensor, Tensor], which: Tensor, rng: np.random.Generator) -> Tensor:
    """Images N x C x H x W, each under the style that ``which`` (N) names, its texture moved to a random place; clipped to [0, 1]."""
    matrices, offsets, textures = styles
    count, channels, height, width = images.shape
    rows, columns = (
        (torch.from_numpy(rng.integers(side, size=(count, 1))) + torch.arange(side)).to(images.device) % side for side in (height, width)
    )
    places = (rows[:, :, None] * width + columns[:, None, :]).reshape(count, 1, -1).expand(-1, channels, -1)
    moved = textures.index_select(0, which).flatten(2).gather(2, places).reshape(images.shape)
    mixed = torch.einsum("noc,nchw->nohw", matrices[which], images)
    return (mixed + offsets[which][:, :, None, None] + moved).clamp(0, 1)
