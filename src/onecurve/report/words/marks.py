"""The colour and mark of a tool: a function of its name alone, the same in every report for ever.

A number is a colour and a shape. Tools of the catalogue have a number of their own below ``FILLED``. A new
tool takes the next free number; a number is never given to another tool. Every other tool has a hollow mark by its name's digest.
"""

import hashlib
from collections.abc import Mapping

SHAPES = 8
COLOURS = 8
"""Colours s0 to s7 of the style sheet; further numbers repeat the colour with another shape."""
FILLED = SHAPES * COLOURS
"""Numbers below it have a filled mark, each another colour or shape; those from it up to twice as many a hollow one."""

MARKS: Mapping[str, int] = {
    "neural-cleanse": 0,
    "occlusion": 1,
    "fine-pruning": 2,
    "cppn": 3,
    "integrated-gradients": 4,
    "adversarial-patch": 5,
    "sparse-head": 6,
    "mm-bd": 7,
    "random-patches": 8,
    "edges": 9,
    "finetune": 10,
    "test-set": 11,
    "blank": 12,
    "top-images": 13,
    "error-images": 14,
    "last-layer": 15,
    "saliency": 16,
    "input-x-gradient": 17,
    "guided-backprop": 18,
    "deconvolution": 19,
    "guided-grad-cam": 20,
    "grad-cam": 21,
    "hires-cam": 22,
    "lrp": 23,
    "deep-lift": 24,
    "deep-lift-shap": 25,
    "gradient-shap": 26,
    "reference-difference": 27,
    "smooth-grad": 28,
    "feature-ablation": 29,
    "feature-permutation": 30,
    "lime": 31,
    "kernel-shap": 32,
    "shapley-sampling": 33,
    "shapley-surrogate": 34,
    "rise": 35,
    "attention-rollout": 36,
    "consensus": 37,
    "neuron-inspect": 38,
    "style-inversion": 39,
    "domino": 40,
    "universal-perturbation": 41,
}


def mark_of(tool: str) -> int:
    """The number of a tool's colour and mark. A variant with parameters has the colour of its tool and a hollow shape of its own.

    >>> mark_of("cppn"), mark_of("cppn[steps=9]") % 8 == mark_of("cppn") % 8
    (3, True)
    """
    if tool in MARKS:
        return MARKS[tool]
    digest = int.from_bytes(hashlib.sha256(tool.encode()).digest()[:4], "big")
    base = tool.partition("[")[0]
    colour = MARKS[base] % COLOURS if base in MARKS else digest % COLOURS
    return FILLED + digest // COLOURS % COLOURS * COLOURS + colour
