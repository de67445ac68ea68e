"""The list of mutants stays true: each still names a line that is there."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def mutants():
    spec = importlib.util.spec_from_file_location("mutants", ROOT / "benchmarks" / "mutants.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["mutants"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["mutants"]


def test_every_mutant_breaks_one_line_of_the_source_as_it_is(mutants):
    assert len(mutants.MUTANTS) == 51
    for mutant in mutants.MUTANTS:
        source = (ROOT / mutants.PACKAGE / mutant.file).read_text()
        broken = mutant.applied(source)
        assert broken != source
        compile(broken, mutant.file, "exec")
        assert all((ROOT / test).is_file() for test in mutant.tests if test.endswith(".py"))


@pytest.mark.parametrize(("source", "count"), [("y = 2\n", 0), ("x = 1\nx = 1\n", 2)])
def test_a_line_that_is_not_there_exactly_once_is_one_clear_error(mutants, source, count):
    mutant = mutants.Mutant("one is two", "some/file.py", "x = 1", "x = 2", ())
    assert mutant.applied("x = 1\n") == "x = 2\n"
    with pytest.raises(mutants.MutantError, match=rf"some/file.py holds this text {count} times"):
        mutant.applied(source)


def test_the_published_table_is_of_these_mutants_and_names_tests_that_exist(mutants):
    rows = re.findall(
        r"^\| (\d+) \| (.+) \| (?:killed|survived) \| `(\w+)[^|]*` \|$", (ROOT / "docs/reference/mutants.md").read_text(), re.MULTILINE
    )
    assert [(int(number), rule) for number, rule, _ in rows] == [(number, mutant.rule) for number, mutant in enumerate(mutants.MUTANTS)]
    for (_, _, killer), mutant in zip(rows, mutants.MUTANTS, strict=True):
        tests = "".join((ROOT / test).read_text() for test in mutant.tests if test.endswith(".py"))
        assert f"def {killer}(" in tests, killer
