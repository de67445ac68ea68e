"""The repairs by name: solvers that hand back a network. A new one is a new file and one line here; listing them imports nothing."""

from collections.abc import Mapping

SOLVERS: Mapping[str, str] = {
    "finetune": "onecurve.repairs.finetune:Finetune",
    "fine-pruning": "onecurve.repairs.fine_pruning:FinePruning",
    "sparse-head": "onecurve.repairs.sparse_head:SparseHead",
}
