"""What a network that was handed back may do while it is graded: take some memory, keep nothing, and learn nothing of other subjects."""

import json

import numpy as np
import pytest
import torch

from onecurve.models.program import Program
from onecurve.runner.engine.processes import memory_limited
from onecurve.runner.handlers import untrusted
from onecurve.runner.handlers.untrusted import SubjectPlace, warm
from onecurve.store.store import Store


def program(*steps: list[object], output: str = "t", **state: torch.Tensor) -> Program:
    return Program(json.dumps({"state": dict.fromkeys(state, "buffer"), "steps": steps, "output": output}), state)


def test_a_stored_network_that_takes_more_memory_than_a_cell_may_is_stopped() -> None:
    large = program(["t", "aten.full.default", [[4_000_000_000], 1.0], {}])
    with memory_limited(100), pytest.raises((RuntimeError, MemoryError), match="alloc"):
        large(torch.zeros(1, 3, 4, 4))
    assert np.ones(200_000_000, np.uint8).sum() == 200_000_000, "the limit ends with the grading"


def test_no_pass_of_a_stored_network_tells_the_next_anything() -> None:
    counts = program(["t", "aten.add_.Tensor", [{"value": "b_seen"}, 1], {}], b_seen=torch.zeros(2))
    assert [counts(torch.zeros(1, 3, 4, 4)).tolist() for _ in range(3)] == [[1.0, 1.0]] * 3


def test_a_tool_finds_no_subject_but_its_own_in_its_process(cache, tmp_path) -> None:
    from tiny_world import named, suite_of  # noqa: PLC0415

    from onecurve.runner.run import Place, run_suite  # noqa: PLC0415

    run_suite(suite_of(*named("Uniform")), Place(tmp_path / "out", cache, 1))
    with Store.read(tmp_path / "out"):
        networks = sorted((tmp_path / "out" / "networks").iterdir())
    assert len(networks) > 1
    for network in networks:
        place = {"subject": str(network / "subject"), "blobs": str(tmp_path)}
        warm("look", {"place": place})
    assert untrusted._subject.cache_info().currsize == len(networks)
    SubjectPlace(**place).workbench(10.0, 0)
    assert untrusted._subject.cache_info().currsize == 0
