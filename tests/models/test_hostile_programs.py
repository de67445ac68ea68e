"""What a stored list of operations cannot do to whoever runs it."""

import json

import pytest
import torch

from onecurve.core.errors import AnswerError
from onecurve.models.program import Program


def program(operation: str, *given: object) -> Program:
    return Program(json.dumps({"state": {}, "steps": [["t", operation, list(given), {}]], "output": "t"}), {})


def test_the_images_of_who_asks_are_not_written_into() -> None:
    images = torch.ones(2, 3, 4, 4)
    assert program("aten.zero_.default", {"value": "images"})(images).sum() == 0
    assert torch.equal(images, torch.ones(2, 3, 4, 4))


@pytest.mark.parametrize("operation", ["aten.set_.source_Tensor", "aten.resize_.default"])
def test_other_memory_is_refused(operation: str) -> None:
    with pytest.raises(AnswerError):
        program(operation, {"value": "images"}, {"value": "images"})
