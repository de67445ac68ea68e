"""The tools of trigger inversion by name. A new one is a new file and one line here; listing them imports nothing."""

from collections.abc import Mapping

TOOLS: Mapping[str, str] = {
    "random-patches": "onecurve.tools.inversion.random_patches:RandomPatches",
    "adversarial-patch": "onecurve.tools.inversion.adversarial_patch:AdversarialPatch",
    "neural-cleanse": "onecurve.tools.inversion.neural_cleanse:NeuralCleanse",
    "style-inversion": "onecurve.tools.inversion.style_inversion:StyleInversion",
    "universal-perturbation": "onecurve.tools.inversion.universal_perturbation:UniversalPerturbation",
    "mm-bd": "onecurve.tools.inversion.mm_bd:MmBd",
}
