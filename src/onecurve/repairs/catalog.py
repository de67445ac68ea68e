"""All solvers by name: who hands back a network. A new one is a new file and one line here; listing them imports nothing heavy."""

from onecurve.core.registry import Registry
from onecurve.core.roles import Solver

SOLVERS: Registry[Solver] = Registry(
    "solver",
    {
        "finetune": "onecurve.repairs.finetune:Finetune",
        "fine-pruning": "onecurve.repairs.fine_pruning:FinePruning",
        "sparse-head": "onecurve.repairs.sparse_head:SparseHead",
    },
)
