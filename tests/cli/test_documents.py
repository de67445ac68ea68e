"""Documents that cannot rot: links lead somewhere, commands exist, the reference is what the code says."""

import importlib.util
import re
import shlex
from pathlib import Path
from types import ModuleType

import click
import pytest
from example_tool import EXAMPLE
from PIL import Image

import onecurve
from onecurve.cli.main import cli
from onecurve.flaws.catalog import FLAWS
from onecurve.runner.recipes import recipe_of
from onecurve.runner.suite import parse_suite

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_pictures_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def commands() -> list[str]:
    found = []
    for page in PAGES:
        for block in re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            for line in block.splitlines():
                found += [part.strip() for part in line.partition("#")[0].split("&&") if "onecurve " in part and "pip" not in part]
    return sorted(set(found))


@pytest.mark.parametrize("line", commands())
def test_every_command_in_a_document_can_be_parsed(line: str) -> None:
    name, *arguments = shlex.split(line)[1:]
    command = cli.commands[name]
    context = click.Context(command, parent=cli.make_context("onecurve", [], resilient_parsing=True), info_name=name)
    command.parse_args(context, arguments)


def suites() -> list[str]:
    """Every whole suite in a document."""
    blocks = [block for page in PAGES for block in re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)]
    return [block for block in blocks if block.startswith("name:")]


@pytest.mark.parametrize("text", suites())
def test_every_suite_in_a_document_is_one(text: str) -> None:
    suite = parse_suite(text, "a document")
    assert suite.networks or suite.sampled
    assert recipe_of(suite.recipe)


def test_there_are_commands_and_an_example_of_at_most_thirty_lines() -> None:
    assert len(commands()) >= 3
    body = EXAMPLE[EXAMPLE.index("@dataclass") :].strip().splitlines()
    assert len(body) <= 30


def maker(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["make_api", "make_reference", "make_flaw_cards"])
def test_the_reference_is_what_the_code_says(name: str) -> None:
    for page, text in maker(name).pages().items():
        assert (ROOT / "docs" / "reference" / page).read_text(encoding="utf-8") == text, f"run: python docs/{name}.py"


def test_every_public_name_has_one_place_in_the_reference() -> None:
    pages = sorted((ROOT / "docs" / "reference" / "api").glob("*.md"))
    shown = [name for page in pages for name in re.findall(r"^::: onecurve\.(\w+)$", page.read_text(encoding="utf-8"), re.MULTILINE)]
    assert sorted(shown) == sorted(onecurve.__all__), "run: python docs/make_api.py"


def test_every_kind_of_flaw_has_a_small_picture_and_no_other_is_there() -> None:
    pictures = {path.stem: path for path in (ROOT / "docs" / "images" / "flaws").iterdir()}
    assert sorted(pictures) == list(FLAWS.names()), "run: python docs/make_flaw_cards.py"
    for path in pictures.values():
        assert path.stat().st_size < 40_000
        with Image.open(path) as picture:
            assert picture.size[0] > 500


def test_no_document_or_source_names_a_place_of_one_machine() -> None:
    place = re.compile(r"(?<![\w./~-])/(work|tmp|root|home)/\w")
    tracked = [*PAGES, *(ROOT / "src").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]
    assert [str(path) for path in tracked if place.search(path.read_text(encoding="utf-8"))] == []
