"""Checks of a heat map that need no ground truth: whether it is constant, complete and repeatable.

The checks are by-products of the map: sums and halves of the samples cost no passes. Checks that need passes are in ``sanity_checks``.
"""

from typing import Literal

import numpy as np
from torch import Tensor

from onecurve.core.evidence import Check, Evidence, HeatMap
from onecurve.core.image.images import Floats

SIGNS = ("absolute", "positive")
Sign = Literal["absolute", "positive"]
"""`absolute`: channels add up without their signs, so pixels that argue against the target are marked as well.
`positive`: channels add up with their signs, and what argues against the target is left out."""
COMPLETE = 0.05
"""The largest error of sums, as a share of what they should be, at which attributions pass as complete."""
REPEATABLE = 0.5
"""The least correlation of maps from halves of the samples at which a map passes as repeatable; the whole's is then above 0.67."""


def unsigned(values: Tensor, sign: Sign) -> Floats:
    """float32 N x H x W, non-negative, for attributions N x C x H x W."""
    flat = values.abs().sum(dim=1) if sign == "absolute" else values.sum(dim=1).clamp(min=0)
    maps: Floats = flat.detach().cpu().numpy().astype(np.float32)
    return maps


def shown(maps: Floats, caption: str, *checks: Check) -> Evidence:
    """One heat map per suspect, for maps N x H x W, with the checks after one of their soundness.

    A map that is constant or not finite is kept, and its caption says so; numbers that are not finite become 0.
    """
    faults = [fault(values) for values in maps]
    captions = [f"{caption}; {named}" if named else caption for named in faults]
    pieces = tuple(HeatMap(_valid(values), item, words) for item, (values, words) in enumerate(zip(maps, captions, strict=True)))
    share = sum(not named for named in faults) / len(maps)
    named = next(filter(None, faults), "share of maps that are finite and not constant")
    return Evidence(pieces, (Check("sound", share, share == 1, named), *checks))


def halves_shown(halves: Tensor, samples: int, sign: Sign, caption: str) -> Evidence:
    """Heat maps of sums over even and odd ``samples`` (2 x N x C x H x W), which add up to the whole, and how the two agree."""
    checks = [repeatability(*(unsigned(half, sign) for half in halves))] if samples > 1 else []
    return shown(unsigned(halves.sum(dim=0), sign), caption, *checks)


def fault(values: Floats) -> str:
    """Why a map H x W carries no information; empty where it does."""
    if not np.isfinite(values).all():
        return "degenerate: not finite"
    if np.ptp(values) == 0:
        return "degenerate: constant"
    return ""


def completeness(sums: Floats, rises: Floats) -> Check:
    """Whether attributions add up to the rises of the logit from the baseline, for sums and rises of N suspects."""
    missed, whole = float(np.abs(sums - rises).sum()), float(np.abs(rises).sum())
    # Attributions that are not finite add up to nothing at all.
    error = missed / max(whole, 1e-12) if np.isfinite(missed) else 1e9
    return Check("complete", error, error <= COMPLETE, "mean error of the sums of attributions, as a share of the logits' rises")


def agreement(one: Floats, other: Floats) -> Floats:
    """N: Pearson correlation of maps N x H x W with others, item by item; 0 where a map is constant or not finite."""
    first, second = (_centred(maps) for maps in (one, other))
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    products = (first * second).sum(axis=1)
    correlations: Floats = np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)
    return correlations


def repeatability(one: Floats, other: Floats) -> Check:
    """How maps N x H x W agree that were each made of half of the samples."""
    value = float(agreement(one, other).mean())
    return Check("repeatable", value, value >= REPEATABLE, "mean correlation of maps from halves of the samples")


def _valid(values: Floats) -> Floats:
    finite: Floats = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0).astype(np.float32)
    return finite


def _centred(maps: Floats) -> Floats:
    flat = _valid(maps).reshape(len(maps), -1).astype(np.float64)
    centred: Floats = flat - flat.mean(axis=1, keepdims=True)
    return centred
