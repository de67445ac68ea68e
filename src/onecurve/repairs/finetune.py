"""Plain fine-tuning on the clean set: the baseline of all repairs.

The `unlearn` reader uses the same loop, recipe and data order, so the two differ only in the use of evidence.
"""

from copy import deepcopy
from dataclasses import dataclass
from typing import ClassVar, final

from onecurve.core.access import Access
from onecurve.core.answer import Abstain, Answer, Rebuilt
from onecurve.core.errors import AnswerError
from onecurve.core.question import Form, Forms, Question, Rebuild
from onecurve.core.row import Role
from onecurve.core.workbench import Workbench
from onecurve.models.finetuning import FinetuningRecipe, finetune
from onecurve.models.metering import unmetered
from onecurve.models.network import TorchNetwork, torch_module


@final
@dataclass(frozen=True)
class Finetune:
    """Fine-tunes a copy on the granted clean images with the whole budget; see ``FinetuningRecipe`` for the recipe."""

    name: ClassVar[str] = "finetune"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "plain fine-tuning on the clean set"
    source: ClassVar[str] = "baseline"
    role: ClassVar[Role] = Role.BASELINE
    needs: ClassVar[Access] = Access.WEIGHTS | Access.CLEAN_IMAGES | Access.CLEAN_LABELS
    answers: ClassVar[Forms] = (Form.REPAIR,)

    learning_rate: float = 0.01
    epochs: int = 40
    """At most so many passes over the clean set."""

    def answer(self, question: Question, workbench: Workbench) -> Answer:
        """The fine-tuned copy; Abstain where the budget pays for no step."""
        if not isinstance(question, Rebuild):
            raise AnswerError("finetune hands back a network; this question is of another form")
        copy = deepcopy(torch_module(workbench.subject))
        recipe = FinetuningRecipe(epochs=self.epochs, learning_rate=self.learning_rate)
        done = finetune(copy, workbench.subject.granted_clean(), recipe, workbench)
        if done.steps == 0:
            return Abstain("the budget pays for no training step")
        note = f"{done.steps} steps, kept step {done.kept}, held-back clean accuracy {done.accuracy:.3f}"
        return Rebuilt(TorchNetwork(unmetered(copy), workbench.device), note)
