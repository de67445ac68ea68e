"""Answers about pairs have two options and labels of all classes; the page names the labels or numbers them."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from onecurve.core.answer import Weights
from onecurve.core.question import Brief, Weigh
from onecurve.report.pages.assets import Assets
from onecurve.report.pages.solver_rows import _weighed


@pytest.mark.parametrize(("names", "told"), [(tuple("abcdefghij"), "true class j"), ((), "true class 9")])
def test_labels_beyond_the_two_options_are_named(tmp_path: Path, names: tuple[str, ...], told: str) -> None:
    inputs, labels = np.zeros((2, 3, 4, 4), np.float32), np.array([9, 0])
    question = Weigh(Brief(1), 2, ("goes", "does not"), inputs=inputs, labels=labels, base_rate=0.5)
    view = _weighed(Weights(np.array([[3, 1], [1, 3]], np.float32)), question, SimpleNamespace(class_names=names), Assets(tmp_path))
    assert told in view.pictures[0].alt
    assert "answered goes, 75 %" in view.pictures[0].alt.replace("\N{NO-BREAK SPACE}", " ")
