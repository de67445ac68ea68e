"""Registries, specs, seeds and skill."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onecurve.core.access import Access
from onecurve.core.errors import BudgetError, SpecError, UngradeableError, UnknownNameError, UsageError
from onecurve.core.grade import Cost, require_room, skill_of
from onecurve.core.own_files import files_of, load_from_file
from onecurve.core.registry import Registry, parse_address
from onecurve.core.seeds import generator, seed_for
from onecurve.core.spec import content_key, spec_of
from onecurve.core.workbench import Budget, Meter


@dataclass(frozen=True)
class Thing:
    size: int = 3
    place: str = "corner"
    name: ClassVar[str] = "thing"
    version: ClassVar[int] = 2


THINGS: Registry[object] = Registry("thing", {"access": "onecurve.core.access:Access", "budget": "onecurve.core.workbench:Budget"})


def test_a_misspelt_name_is_answered_with_the_right_one() -> None:
    with pytest.raises(UnknownNameError, match="did you mean `budget`") as caught:
        THINGS.load("buget")
    assert "no thing is called: buget" in str(caught.value)
    with pytest.raises(UnknownNameError, match="there are: access, budget"):
        THINGS.load("zzzzzz")


def test_building_with_parameters() -> None:
    assert THINGS.make("budget[equivalents=5]") == Budget(5)
    with pytest.raises(SpecError, match="has no parameter: size"):
        THINGS.make("budget[size=5]")
    with pytest.raises(SpecError, match="cannot build"):
        THINGS.make("budget")


@pytest.mark.parametrize("address", ["a[b=1", "a[b]", "a[=", "a[b=1,c]"])
def test_addresses_that_do_not_parse(address: str) -> None:
    with pytest.raises(SpecError):
        parse_address(address)


@given(
    st.dictionaries(
        st.text("abcdefgh", min_size=1, max_size=4), st.integers(-9, 9) | st.booleans() | st.text("xyz", min_size=1), max_size=3
    )
)
def test_any_plain_parameters_come_back(parameters: dict[str, object]) -> None:
    inside = ",".join(f"{name}={value}" for name, value in parameters.items())
    assert parse_address(f"name[{inside}]") == ("name", parameters)


def test_a_file_that_is_not_there_does_not_import_or_lacks_the_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        load_from_file(f"{tmp_path}/none.py:Thing")
    broken = tmp_path / "broken.py"
    broken.write_text("import nothing_of_that_name")
    with pytest.raises(UsageError, match="does not import: ModuleNotFoundError"):
        load_from_file(f"{broken}:Thing")
    fine = tmp_path / "fine.py"
    fine.write_text("class Tool: pass")
    assert load_from_file(f"{fine}:Tool").__name__ == "Tool"
    with pytest.raises(UnknownNameError, match="did you mean `Tool`"):
        load_from_file(f"{fine}:Toll")


def test_what_a_file_imports_is_not_offered_in_place_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("import json\nfrom collections import Counter, OrderedDict\n\nmade = Counter()\n\ndef load(): ...\n")
    with pytest.raises(UnknownNameError) as told:
        load_from_file(f"{file}:nothing_of_that_name_")
    assert told.value.hint == "there are: load, made"
    assert load_from_file(f"{file}:Counter")


def test_an_edited_file_is_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "tool.py"
    file.write_text("VALUE = 1")
    assert load_from_file(f"{file}:VALUE") == 1
    file.write_text("VALUE = 2")
    assert load_from_file(f"{file}:VALUE") == 2


def test_a_file_reads_no_arguments_of_ours_and_finds_its_neighbours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["onecurve", "plant", "--out", "x"])
    before = list(sys.path)
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "blocks_beside.py").write_text(f"NAME = {folder!r}")
        (tmp_path / folder / "net.py").write_text(
            "import argparse, sys\nfrom blocks_beside import NAME\n"
            "p = argparse.ArgumentParser()\np.add_argument('--lr', default=0.1)\nLR, ARGV = p.parse_args().lr, list(sys.argv)\n"
        )
    assert [load_from_file(f"{tmp_path / folder / 'net.py'}:NAME") for folder in ("one", "two")] == ["one", "two"]
    assert load_from_file(f"{tmp_path / 'one' / 'net.py'}:ARGV") == [str(tmp_path / "one" / "net.py")]
    assert sys.argv[1] == "plant"
    assert sys.path == before
    (tmp_path / "one" / "blocks_beside.py").write_text("NAME = 'edited'")
    assert load_from_file(f"{tmp_path / 'one' / 'net.py'}:NAME") == "edited"


def test_whatever_a_file_raises_is_named(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    for content, words in {
        "raise SystemExit('no GPU')": "ends the program when it is imported: no GPU",
        "class Stop(BaseException): ...\nraise Stop('here')": "does not import: Stop: here",
    }.items():
        file.write_text(content)
        with pytest.raises(UsageError, match=words):
            load_from_file(f"{file}:net")
    file.write_text("raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load_from_file(f"{file}:net")


def test_the_files_of_a_file_are_those_that_it_imports_from_beside_it(tmp_path: Path) -> None:
    for name, content in {"net": "import a, json", "a": "from b.inner import x", "c": "", "b/__init__": "", "b/inner": "x = 1"}.items():
        (tmp_path / f"{name}.py").parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.py").write_text(content)
    found = files_of(tmp_path / "net.py")
    assert [str(path.relative_to(tmp_path)) for path in found] == ["net.py", "a.py", "b/__init__.py", "b/inner.py"]


def test_a_spec_says_everything_and_its_key_changes_with_anything() -> None:
    assert str(spec_of(Thing())) == "thing[size=3,place=corner]"
    assert spec_of(Thing()).key == spec_of(Thing()).key
    assert len({spec_of(thing).key for thing in (Thing(), Thing(4), Thing(place="edge"))}) == 3
    with pytest.raises(SpecError, match="is not a frozen dataclass"):
        spec_of("a string")


@given(
    st.recursive(
        st.integers() | st.text() | st.booleans() | st.none() | st.floats(allow_nan=False), lambda inner: st.lists(inner, max_size=3)
    )
)
def test_keys_are_stable(value: object) -> None:
    assert content_key(value) == content_key(value)
    assert content_key(value, 1) != content_key(value)


def test_keys_refuse_what_is_not_plain() -> None:
    with pytest.raises(SpecError, match="plain data"):
        content_key(object())


def test_seeds_are_functions_of_names() -> None:
    assert seed_for("a", 1) == seed_for("a", 1)
    assert len({seed_for("a", 1), seed_for("a", "1"), seed_for("a1"), seed_for(1, "a"), seed_for("a")}) == 5
    assert generator("x").integers(1 << 40) == generator("x").integers(1 << 40)
    assert 0 <= seed_for("anything") < 1 << 63


def test_skill() -> None:
    assert skill_of(0.25, 0.25, 0.75) == 0
    assert skill_of(0.75, 0.25, 0.75) == 1
    assert skill_of(0.0, 0.25, 0.75) == -0.5
    assert skill_of(1.0, 0.25, 0.75) == 1.5
    for floor, ceiling in ((0.5, 0.5), (0.6, 0.5)):
        with pytest.raises(UngradeableError, match="cannot separate answers"):
            skill_of(0.5, floor, ceiling)


def test_floor_and_ceiling_leave_room_or_nobody_is_asked() -> None:
    require_room(0.5, 0.55)
    with pytest.raises(UngradeableError, match=r"earns 0\.998 of 1\.000, so this task cannot separate answers"):
        require_room(0.998, 1.0)


def test_the_meter_stops_what_would_overdraw() -> None:
    meter = Meter(Budget(100))
    meter.count_forward(60)
    meter.count_backward(25)
    assert meter.equivalents == 110
    with pytest.raises(BudgetError, match="of a budget of 100, and 1 examples forward would overdraw it"):
        meter.count_forward(1)
    with pytest.raises(BudgetError, match="and 1 examples backward would overdraw it"):
        meter.count_backward(1)
    assert meter.equivalents == 110
    with pytest.raises(BudgetError, match="must not be negative"):
        Budget(-1)


def test_costs_add_and_the_peak_is_the_larger() -> None:
    total = Cost(1, 2, 3, 50).plus(Cost(10, 20, 30, 40))
    assert total == Cost(11, 22, 33, 50)
    assert total.equivalents == 55


def test_access_in_words() -> None:
    needs = Access.QUERIES | Access.CLEAN_LABELS
    assert needs.words() == ("queries", "clean-labels")
    assert needs.missing_from(Access.QUERIES) == Access.CLEAN_LABELS
