"""The looking tools and the direct solvers, by name. Listing them imports nothing; a new one is a new file and one line here."""

from onecurve.core.registry import Registry
from onecurve.core.roles import Solver, Tool

TOOLS: Registry[Tool] = Registry(
    "tool",
    {
        "edges": "onecurve.tools.edges:Edges",
        "top-images": "onecurve.tools.top_images:TopImages",
        "random-patches": "onecurve.tools.random_patches:RandomPatches",
        "occlusion": "onecurve.tools.occlusion:Occlusion",
        "integrated-gradients": "onecurve.tools.integrated_gradients:IntegratedGradients",
        "adversarial-patch": "onecurve.tools.adversarial_patch:AdversarialPatch",
        "cppn": "onecurve.tools.cppn:Cppn",
        "neural-cleanse": "onecurve.tools.neural_cleanse:NeuralCleanse",
    },
)

SOLVERS: Registry[Solver] = Registry(
    "solver",
    {
        "finetune": "onecurve.tools.finetune:Finetune",
        "fine-pruning": "onecurve.tools.fine_pruning:FinePruning",
        "test-set": "onecurve.tools.test_set:TestSet",
        "sparse-head": "onecurve.tools.sparse_head:SparseHead",
    },
)
