"""The weights of the reader `embedder`: a small network that is trained on sampled lineups under damage.

    python benchmarks/embedder_weights.py [--begin FILE --from 1] [--out src/onecurve/readers/machinery/learnt_weights.safetensors]

Draws so many lineups of each set, with the split's name in every seed, so that no run draws the same. In each step every option of 6
lineups is the right one once: one to twelve pictures that show it, damaged at random, must choose it by their softmax. Sets of noise and of
clean images must choose nothing. Colours are exchanged, inverted and mirrored for a whole lineup at a time. It takes 15 minutes of one core
that computes in bfloat16; other processors round differently, and give other weights of the same quality.

Raise `RECIPE` in `readers/machinery/learnt.py` and the version of the reader whenever you change it, write down the new digest in the test,
and measure with `benchmarks/reader_ladder.py`.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from time import process_time

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from learnt.damage import damaged, nothing
from learnt.lineups import CUT, NULL, OPTIONS, Lineups, Sampling, lineups_of
from onecurve.readers.machinery.learnt import RECIPE, WEIGHTS, Encoder, widened

BATCH = 6
"""Lineups of a step."""


@dataclass(frozen=True)
class Round:
    """What is sampled, and how the network is trained on it."""

    sampling: Sampling
    lineups: int
    """Of each set, at most."""
    steps: int
    rate: float
    """Largest learning rate."""
    gentle: float
    """Share of the steps over which damage becomes as frequent as it stays."""


FIRST = {
    "patch": 4,
    "patch[look=texture]": 1,
    "patch[look=photo]": 1,
    "patch[look=emoji]": 1,
    "natural-feature": 3,
    "style": 3,
    "style-transfer": 2,
    "warp": 1,
    "blended": 1,
    "sinusoid": 1,
    "dynamic": 1,
    "conditional": 1,
    "label-noise": 1,
}
SECOND = FIRST | {
    "warp": 3,
    "dynamic": 2,
    "conditional": 2,
    "label-noise": 0,
    "rank-one": 1,
    "spurious": 1,
    "sig": 1,
    "missing-subgroup": 1,
}
ROUNDS = (
    Round(Sampling("fit", FIRST, pasted=4), 900, steps=1600, rate=3e-3, gentle=0.3),
    Round(Sampling("more", SECOND, pasted=8), 800, steps=700, rate=1.5e-3, gentle=0.0),
)
"""One after the other.

The second has more of what readers see most, images that all hold the same thing, and more kinds of flaw.
"""
CLEAN, NOISE = 5, 3
"""Null pictures that are taken off, of either sort."""


def main() -> None:
    """Draw, train, write, round by round."""
    asked = _arguments()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    encoder = Encoder()
    if asked.begin:
        encoder.load_state_dict(widened(load_file(asked.begin)))
    for each in ROUNDS[asked.first :]:
        drawn = lineups_of(each.sampling, each.lineups)
        print(f"{len(drawn.options)} lineups, {process_time():.0f} processor seconds", flush=True)
        _train(encoder, drawn, each)
        halves = {name: (value.half() if value.is_floating_point() else value).contiguous() for name, value in encoder.state_dict().items()}
        save_file(halves, asked.out, {"recipe": str(RECIPE)})


def _train(encoder: Encoder, drawn: Lineups, asked: Round) -> None:
    rng = np.random.default_rng(0)
    optimiser = torch.optim.AdamW(encoder.parameters(), asked.rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, asked.rate, asked.steps, pct_start=0.1)
    sets, mean = _sets(asked.sampling.pasted), 0.0
    for step in range(asked.steps):
        share = step / (asked.gentle * asked.steps) if asked.gentle else 1.0
        rows = rng.choice(len(drawn.options), BATCH, replace=False)
        tasks = [_task(drawn, int(row), sets, share, rng) for row in rows]
        loss, right = _loss(encoder, tasks)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        mean += (right - mean) * (0.03 if step else 1.0)
        if step % 25 == 0:
            print(f"step {step}: loss {loss.item():.3f}, right {mean:.3f}, {process_time():.0f} processor seconds", flush=True)


def _sets(pasted: int) -> list[list[int]]:
    """Which of the pictures that show an option a reader sees together."""
    held, alone, rendered, cut = list(range(pasted)), [pasted], [pasted + 1], list(range(pasted + 2, pasted + 2 + CUT))
    first, second = held[:4], held[4:]
    found = [alone, rendered, alone + rendered, held[:1], held[:2], first, cut[:1], cut, alone + held[:2], rendered + held[2:4]]
    found += [held + alone + rendered + cut, alone + first]
    return [*found, held, held, held, held[2:6]] if second else found


def _task(drawn: Lineups, row: int, sets: list[list[int]], share: float, rng: np.random.Generator) -> list[Tensor]:
    """Pictures of one lineup: all options', a set for each option, null pictures, a set that shows nothing."""
    colours, inverted, mirrored = torch.from_numpy(rng.permutation(3)), rng.random() < 0.3, rng.random() < 0.5

    def ready(stored: np.ndarray) -> Tensor:
        pictures = torch.from_numpy(stored).float()[:, colours] / 255
        pictures = 1 - pictures if inverted else pictures
        return pictures.flip(3) if mirrored else pictures

    options = ready(drawn.options[row].reshape(-1, *drawn.options.shape[3:]))
    seen = []
    for option in range(OPTIONS):
        which = sets[int(rng.integers(len(sets)))]
        shown = damaged(ready(drawn.shown[row, option][which]), share, rng)
        seen.append(damaged(shown, share, rng) if rng.random() < 0.15 else shown)
    banks = drawn.null[drawn.null_sets == drawn.sets[row]]
    bank = banks[int(rng.integers(len(banks)))]
    clean = ready(bank[rng.choice(NULL, 2 * CLEAN, replace=False)])
    null = torch.cat([clean[:CLEAN], nothing(NOISE, rng)])
    count = int(rng.integers(1, CLEAN + 1))
    empty = damaged(clean[CLEAN : CLEAN + count], share, rng) if rng.random() < 0.5 else nothing(count, rng)
    return [options, *seen, null, empty]


def _loss(encoder: Encoder, tasks: list[list[Tensor]]) -> tuple[Tensor, float]:
    """The mean log loss over all sets, and the share of those with an option that are read right."""
    parts = [part for task in tasks for part in task]
    with torch.autocast("cpu", torch.bfloat16):
        vectors = encoder(torch.cat(parts))
    found = iter(torch.split(vectors.float(), [len(part) for part in parts]))
    losses, right = [], []
    for _ in tasks:
        options = next(found).view(OPTIONS, -1, vectors.shape[1]).mean(1)
        sets, null, empty = [next(found) for _ in range(OPTIONS)], next(found).mean(0), next(found)
        sets.append(empty)
        counts = torch.tensor([float(len(each)) for each in sets])
        logits = encoder.logits(torch.stack([each.sum(0) for each in sets]), counts, null, options)
        chances = logits.log_softmax(1)
        losses.append(-(chances[:OPTIONS].diagonal().sum() + chances[OPTIONS].mean()) / (OPTIONS + 1))
        right.append(float((logits[:OPTIONS].argmax(1) == torch.arange(OPTIONS)).float().mean()))
    return torch.stack(losses).mean(), float(np.mean(right))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--begin", type=Path, help="weights to begin with")
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first round that is trained, from 0")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
