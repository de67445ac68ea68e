"""The sixteen attribution methods here beside captum's, side by side in one run: time, agreement with converged answers, memory.

    OMP_NUM_THREADS=2 python benchmarks/attribution/compare.py [--repeats 5] [--only NAME...] [--keep FOLDER] [--memory-only]

ResNet-20, 16 images of 32 x 32, 64 super-pixels, two threads. Contenders take turns within a repeat, so that what else the
machine does hits all of them; ratios, of processor time and by the clock, are medians of the ratios within repeats.
`inherent` is the time of the passes that captum's default cannot do without: forward and backward passes of the bare
network in its best batch. Our network is normalised once for all methods and timed by itself; the shared family and the
shared suite do it anew each time. What a method draws, it draws anew from eight seeds for the agreement, as one draw of so few
samples says little: captum's KernelShap reaches r = .15 with one seed and .39 with another. Memory is the peak of a process
of its own above the peak of a plain gradient in the same process. The table is printed and written to `results.md`.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from statistics import median
from subprocess import run
from time import perf_counter, process_time

import captums
import numpy as np
import ours
import torch
from converged import REFERRED, converged
from ground import CELLS, IMAGES, Ground, ground

from onecurve.core.image.images import Floats

THREADS = 2
RESULTS = Path(__file__).with_name("results.md")
MEMORY = "| method | here, MB above a plain gradient | captum default, MB |"
FORWARD_BATCH, BACKWARD_BATCH = 64, 16
INHERENT: Mapping[str, tuple[float, float]] = {
    **dict.fromkeys(("Saliency", "InputXGradient", "GuidedBackprop", "Deconvolution", "GuidedGradCam", "LRP"), (1, 1)),
    "DeepLift": (1 + 1 / IMAGES, 1),
    "DeepLiftShap": (1 + 8 / IMAGES, 8),
    "IntegratedGradients": (50, 50),
    "GradientShap": (5, 5),
    **dict.fromkeys(("FeatureAblation", "FeaturePermutation", "Occlusion"), (CELLS + 1, 0)),
    **dict.fromkeys(("KernelShap", "Lime"), (25, 0)),
    "ShapleyValueSampling": (25 * (CELLS - 1) + 2, 0),
}
"""Forward and backward passes per image that captum's default settings ask for if nothing is wasted."""
LONG = ("ShapleyValueSampling",)
"""Timed once, without warming up: half a minute of processor time each."""
REFERENCES = {
    "IntegratedGradients": ("path", "path"),
    "GradientShap": ("paths", "paths"),
    "KernelShap": ("shapley", "shapley"),
    "Lime": ("lime", "lime, unweighted"),
    "ShapleyValueSampling": ("shapley", "shapley"),
    "FeaturePermutation": ("permutation", "permutation"),
}
"""What ours and what captum's estimates are compared with; all other methods are compared with each other."""
DRAWN, DRAWS = ("GradientShap", "KernelShap", "Lime"), 8
"""Methods whose agreement is a mean over so many seeds."""


@dataclass
class Timed:
    """Seconds per repeat, and the last answer."""

    seconds: list[float]
    cpu: list[float]
    """Processor seconds of all threads: steadier than the clock where other work runs beside."""
    answer: Floats | dict[str, Floats] | None = None


def interleaved(contenders: Mapping[str, Callable[[], Floats | dict[str, Floats]]], repeats: int) -> dict[str, Timed]:
    """Every contender once per repeat, in an order that turns, after one round of warming up; that round alone for 0 repeats."""
    timed = {name: Timed([], []) for name in contenders}
    names = list(contenders)
    for repeat in range(repeats + 1):
        for name in names[repeat % len(names) :] + names[: repeat % len(names)]:
            started, worked = perf_counter(), process_time()
            timed[name].answer = contenders[name]()
            if repeat or repeats == 0:
                timed[name].cpu.append(process_time() - worked)
                timed[name].seconds.append(perf_counter() - started)
    return timed


def ratio(one: Timed, other: Timed) -> str:
    """How many times as long the first takes, in processor time and by the clock."""
    pairs = zip((one.cpu, one.seconds), (other.cpu, other.seconds), strict=True)
    return " / ".join(f"{median(a / b for a, b in zip(*each, strict=True)):.2f}" for each in pairs)


def passes(given: Ground) -> tuple[Callable[[], Floats], Callable[[], Floats]]:
    """One forward pass per image, and one forward and backward pass per image, of many in the best batches."""
    many = given.images.repeat(4, 1, 1, 1).contiguous(memory_format=torch.channels_last)[:FORWARD_BATCH]
    leaf = many[:BACKWARD_BATCH].clone()

    def forward() -> Floats:
        with torch.no_grad():
            return given.module(many).numpy()

    def both() -> Floats:
        one = leaf.clone().requires_grad_()
        return torch.autograd.grad(given.module(one).gather(1, given.targets[:, None]).sum(), one)[0].numpy()

    return forward, both


def correlation(one: Floats, other: Floats) -> float:
    """Mean over images of Pearson's correlation; 0 where an answer is constant."""
    values = []
    for a, b in zip(one, other, strict=True):
        flat = np.stack([a.ravel(), b.ravel()]).astype(np.float64)
        values.append(float(np.corrcoef(flat)[0, 1]) if np.ptp(flat, axis=1).min() > 0 else 0.0)
    return float(np.mean(values))


def drawn(method: Callable[[Ground], Floats], given: Ground) -> list[Floats]:
    """What the method says of the first images with each seed."""
    answers = []
    for seed in range(DRAWS):
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - captum draws from it
        answers.append(method(replace(given.first(REFERRED), seed=seed)))
    return answers


def agreement(name: str, several: Sequence[Sequence[Floats]], known: Mapping[str, Floats]) -> str:
    """In words: correlations with the converged answers (here, default, best), or the largest difference."""
    if name not in REFERENCES:
        mine, theirs = several[0][0], several[1][0]
        if name == "LRP":
            return "another rule"
        return f"largest difference {np.abs(mine - theirs).max() / np.abs(theirs).max():.0e} of the largest value"
    own, captum = (known[which] for which in REFERENCES[name])
    figures = [
        np.mean([correlation(answer[:REFERRED], reference) for answer in answers])
        for answers, reference in zip(several, (own, captum, captum), strict=True)
    ]
    return "r = " + " / ".join(f"{figure:.2f}" for figure in figures)


def compare(given: Ground, known: Mapping[str, Floats], repeats: int, only: list[str]) -> list[str]:
    """The lines of the table, method by method, then the one-pass family and the suite."""
    laid_out = given.laid_out()
    lines = [
        "| method | here, CPU ms | captum default / here | captum best / here | here / inherent | agreement (here / default / best) |",
        "|---|---|---|---|---|---|",
    ]
    totals: dict[str, list[Timed]] = {"default": [], "best": []}
    forward, both = passes(given)
    for name in only or ours.METHODS:
        default = captums.DEFAULTS[name]
        best = captums.BEST.get(name, default)
        contenders = {
            "here": lambda name=name: ours.METHODS[name](given),
            "default": lambda default=default: default(given),
            "best": lambda best=best: best(laid_out),
            "forward": forward,
            "both": both,
        }
        timed = interleaved(contenders, 0 if name in LONG else repeats)
        f, b = INHERENT[name]
        once, back = median(timed["forward"].cpu) / FORWARD_BATCH, median(timed["both"].cpu) / BACKWARD_BATCH
        inherent = IMAGES * (once * (f - b if b else f) + back * b)
        if name in DRAWN:
            several = [drawn(method, given) for method in (ours.METHODS[name], default, best)]
        else:
            several = [[timed[which].answer] for which in ("here", "default", "best")]
        words = agreement(name, several, known)
        here = median(timed["here"].cpu)
        line = f"| {name} | {1e3 * here:.0f} | {ratio(timed['default'], timed['here'])} | {ratio(timed['best'], timed['here'])}"
        lines.append(f"{line} | {here / inherent:.2f} | {words} |")
        print(lines[-1], flush=True)
        for which, several in totals.items():
            several.append(timed[which])
    if only:
        return lines
    return [*lines, "", *together(given, repeats, totals, known)]


def together(given: Ground, repeats: int, totals: Mapping[str, list[Timed]], known: Mapping[str, Floats]) -> list[str]:
    """The one-pass family and all sixteen, sharing their passes, beside the sums of captum's, which were timed minutes before."""
    shared = {"family": lambda: ours.family(given), "suite": lambda: ours.suite(given), "normalise": lambda: ours.normalised(given)}
    timed = interleaved(shared, repeats)
    order = list(ours.METHODS)
    lines = [f"- normalising the network, once: {1e3 * median(timed['normalise'].cpu):.0f} CPU ms"]
    for words, which_shared, names in (("one-pass family, shared", "family", ours.ONE_PASS), ("all sixteen, shared", "suite", order)):
        here = median(timed[which_shared].cpu)
        sums = [sum(median(totals[which][order.index(name)].cpu) for name in names) for which in ("default", "best")]
        lines.append(
            f"- {words}: {1e3 * here:.0f} CPU ms here; captum default / here {sums[0] / here:.2f}, best / here {sums[1] / here:.2f}"
        )
    answers = timed["suite"].answer
    assert isinstance(answers, dict)
    figures = [f"{name} {correlation(answers[name][:REFERRED], known[REFERENCES[name][0]]):.2f}" for name in REFERENCES]
    return [*lines, f"- agreement of the shared suite with converged answers: {', '.join(figures)}"]


def memory(side: str, name: str) -> float:
    """Megabytes of the peak of a process of its own above that of a plain gradient in it."""
    command = [sys.executable, __file__, "--measure", side, name]
    return float(run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def measured(side: str, name: str) -> float:
    """The same, in this process."""
    given = ground(trained=False)
    ours.METHODS["Saliency"](given)
    before = peak()
    (ours.METHODS if side == "here" else captums.DEFAULTS)[name](given)
    return peak() - before


def peak() -> float:
    """The most megabytes that this process has held (Linux); `ru_maxrss` would begin with what its parent held."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


def memory_rows(names: Iterable[str]) -> list[str]:
    """The second table without its heading."""
    lines = ["|---|---|---|"]
    for name in names:
        lines.append(f"| {name} | {memory('here', name):.0f} | {memory('default', name):.0f} |")
        print(lines[-1], flush=True)
    return lines


def main() -> None:
    """Compare, print, write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--without-memory", action="store_true", help="leave the memory that `results.md` tells as it is")
    parser.add_argument("--memory-only", action="store_true", help="measure memory anew and leave the rest of `results.md` as it is")
    parser.add_argument("--keep", type=Path, help="a folder for the trained network and the converged answers")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(THREADS)
    if options.measure:
        print(measured(*options.measure))
        return
    if options.memory_only:
        memory_lines = [MEMORY, *memory_rows(ours.METHODS)]
        write(figures(), memory_lines)
        return
    weights, answers = (options.keep / name if options.keep else None for name in ("resnet20.pt", "converged.npz"))
    given = ground(keep=weights)
    lines = compare(given, converged(given, answers), options.repeats, options.only)
    print("\n".join(lines))
    if options.only:
        return
    versions = f"torch {torch.__version__}, captum {version('captum')}, {THREADS} threads"
    measured_before = RESULTS.read_text().partition(MEMORY)[2] if RESULTS.exists() else ""
    known = [MEMORY + measured_before.rstrip()] if options.without_memory else [MEMORY, *memory_rows(ours.METHODS)]
    write(["# Attribution, side by side", "", versions, "", *lines], known)


def figures() -> list[str]:
    """What `results.md` says besides memory."""
    return RESULTS.read_text().partition(MEMORY)[0].rstrip().splitlines()


def write(lines: list[str], memory_lines: list[str]) -> None:
    """Write `results.md`."""
    RESULTS.write_text("\n".join([*lines, "", *memory_lines, ""]))


if __name__ == "__main__":
    main()
