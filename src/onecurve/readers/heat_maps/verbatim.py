"""Reads heat maps as they are: each map becomes its item's row of weights.

A missing or constant map becomes an even row, and the note names it. An uninformative map is not an error.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from onecurve.core.access import Access
from onecurve.core.answer import Abstain, Answer, Weights
from onecurve.core.errors import AnswerError
from onecurve.core.evidence import Evidence, HeatMap, Pieces
from onecurve.core.image.images import Floats
from onecurve.core.question import Form, Forms, Question, Weigh
from onecurve.core.workbench import Workbench
from onecurve.readers.machinery.rendering import resized


@final
@dataclass(frozen=True)
class Verbatim:
    """Uses heat maps as weights over pixels, unchanged. If an item has several maps, the first counts."""

    name: ClassVar[str] = "verbatim"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "takes heat maps as they are"
    source: ClassVar[str] = "baseline"
    needs: ClassVar[Access] = Access.NONE
    reads: ClassVar[Pieces] = (HeatMap,)
    answers: ClassVar[Forms] = (Form.PIXELS,)

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        """One row per item; raises ``AnswerError`` where the question is not about pixels."""
        if not isinstance(question, Weigh) or question.shape is None:
            raise AnswerError("verbatim reads heat maps for a question about pixels; this question is of another form")
        maps: dict[int, Floats] = {}
        strangers = set()
        for heat_map in evidence.heat_maps():
            if 0 <= heat_map.item < question.items:
                maps.setdefault(heat_map.item, heat_map.values)
            else:
                strangers.add(heat_map.item)
        if not maps:
            return Abstain("the evidence holds no heat map of any item")
        rows = np.ones((question.items, len(question.options)), np.float32)
        constant = []
        for item, values in maps.items():
            row = resized(_scaled(values), question.shape).reshape(-1)
            if row.max() - row.min() > 0:
                rows[item] = row
            else:
                constant.append(item)
        missing = sorted(set(range(question.items)) - set(maps))
        return Weights(rows, _note({"no map": missing, "degenerate (constant) map": sorted(constant), "no such item": sorted(strangers)}))


def _scaled(values: Floats) -> Floats:
    peak = values.max()
    return values if peak <= 0 else (values / peak).astype(np.float32)


def _note(faults: dict[str, list[int]]) -> str:
    return "; ".join(f"{what}: item {', '.join(map(str, items))}" for what, items in faults.items() if items)
