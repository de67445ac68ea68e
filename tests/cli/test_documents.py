"""Documents that cannot rot: links lead somewhere, commands and names exist, lines are short, the reference is what the code says."""

import ast
import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest
import yaml
from example_tool import EXAMPLE
from PIL import Image

import onecurve
from onecurve.cli.main import cli
from onecurve.core.row import Role
from onecurve.flaws.catalog import FLAWS
from onecurve.flaws.planting.gate import Gate
from onecurve.flaws.planting.recipe import Recipe
from onecurve.models.steps import TrainingRecipe
from onecurve.runner.recipes import recipe_of
from onecurve.runner.suite import load_suite, parse_suite
from onecurve.store.published import read_published

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob(".github/**/*.md")])
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
TOY_SET = f"{ROOT / 'tests' / 'flaws' / 'toy_set.py'}:Toy"
TINY = {
    "train_images": 1200,
    "clean_images": 60,
    "heldout_images": 120,
    "triggered_images": 40,
    "pretraining": None,
    "training": {"epochs": 2},
    "gate": {"clean_drop": 2.0, "above_chance": -1.0, "strictness": 0.0, "near_miss": 2.0},
}
"""A network that takes seconds, admitted whatever its figures."""
LONGEST = 120
"""Characters in a line of a document."""
LONGEST_ROW = 160
"""Characters in a row of a table: Markdown cannot break it."""

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(page: Path, *languages: str) -> list[str]:
    return [block for language, block in FENCED.findall(text_of(page)) if language in languages]


def prose(page: Path) -> str:
    """The page without its blocks of code."""
    return FENCED.sub("", text_of(page))


@each_page
def test_links_and_pictures_lead_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)\)", prose(page)):
        if not target.startswith("http"):
            place = page.parent / target if target else page
            assert place.exists(), target
            assert not anchor or anchor in anchors(place), f"{target}#{anchor}"


def anchors(page: Path) -> set[str]:
    """Of headings as GitHub and the site make them, and of the names that the site documents."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    named = re.findall(r"^::: (\S+)$", text_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings} | set(named)


@each_page
def test_lines_are_short(page: Path) -> None:
    """Longer are only rows of tables, up to LONGEST_ROW, and lines that are one word, such as an address, and have no place to break."""
    for number, line in enumerate(text_of(page).splitlines(), 1):
        limit = LONGEST_ROW if line.startswith("|") else LONGEST
        assert len(line) <= limit or len(line.removeprefix("- ").split()) == 1, (
            f"line {number} has {len(line)} characters, more than {limit}"
        )


@each_page
def test_files_that_are_named_exist(page: Path) -> None:
    for place in re.findall(r"`((?:src|docs|tests|benchmarks|\.ci|\.github)/[\w./-]+)`", prose(page)):
        assert (ROOT / place).exists(), place


def test_every_room_is_on_the_map_of_contributors() -> None:
    rooms = {path.parent.name for path in (ROOT / "src" / "onecurve").glob("*/__init__.py")}
    assert rooms <= set(re.findall(r"`(\w+)`", prose(ROOT / "CONTRIBUTING.md")))


def commands() -> list[str]:
    found = []
    for page in PAGES:
        for block in blocks(page, "sh"):
            for line in block.splitlines():
                found += [part.strip() for part in line.partition("#")[0].split("&&") if "onecurve " in part and "pip" not in part]
    return sorted(set(found))


@pytest.mark.parametrize("line", commands())
def test_every_command_in_a_document_can_be_parsed(line: str) -> None:
    name, *arguments = shlex.split(line)[1:]
    command = cli.commands[name]
    context = click.Context(command, parent=cli.make_context("onecurve", [], resilient_parsing=True), info_name=name)
    command.parse_args(context, arguments)


@each_page
def test_every_command_and_option_that_is_named_exists(page: Path) -> None:
    """In running text, where commands are abbreviated: `onecurve results DIR [--json]`."""
    for span in re.findall(r"`([^`]+)`", prose(page)):
        for name, rest in re.findall(r"(?:^|\s)onecurve ([a-z][\w-]*)([^`]*)", span):
            assert name in cli.commands, f"onecurve {name}"
            known = {option for parameter in cli.commands[name].params for option in (*parameter.opts, *parameter.secondary_opts)}
            assert set(re.findall(r"--[a-z][\w-]*", rest)) <= known | {"--help"}, span


def examples() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for block in blocks(page, "python"):
            yield str(page.relative_to(ROOT)), block


@pytest.mark.parametrize(("page", "example"), list(examples()))
def test_python_in_a_document_imports_public_names_only(page: str, example: str) -> None:
    nodes = list(ast.walk(ast.parse(example, page)))
    imported = [(node.module, alias.name) for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names]
    used = [
        node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "onecurve"
    ]
    if not example.startswith(("# my_flaw.py", "# my_task.py")):  # these live in the house
        assert [module for module, _ in imported if module and module.startswith("onecurve.")] == []
    assert {name for module, name in imported if module == "onecurve"} | set(used) <= set(onecurve.__all__)


@pytest.mark.slow
@pytest.mark.parametrize("page", ["README.md", "docs/tutorial.md"])
def test_the_python_of_a_page_runs(page: str, tmp_path: Path, cache_folder: Path) -> None:
    run_python(page, tmp_path, cache_folder)


def test_the_python_of_the_guide_runs_on_a_planted_case(tmp_path: Path, cache_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONECURVE_CACHE", str(cache_folder))
    onecurve.plant("patch[poison_rate=0.25]", data=TOY_SET, model="six-conv[width=4]", recipe=TINY, out=tmp_path / "planted")
    run_python("docs/guides/add-a-tool.md", tmp_path, cache_folder)


def run_python(page: str, folder: Path, cache: Path) -> None:
    """A block that begins with the name of a file is that file; the others run in order, as one script."""
    parts = [(re.match(r"# (\w+\.py)\n", block), block) for block in blocks(ROOT / page, "python")]
    for name, block in parts:
        if name:
            (folder / name[1]).write_text(block, encoding="utf-8")
    (folder / "script.py").write_text("\n".join(block for name, block in parts if not name), encoding="utf-8")
    places = {**os.environ, "ONECURVE_CACHE": str(cache)}
    ended = subprocess.run([sys.executable, "script.py"], cwd=folder, env=places, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


GUIDES = [("add-a-tool", "my_reader.py", "NamedInText"), ("add-a-tool", "my_pair.py", "Drawn"), ("add-a-task", "my_task.py", "Pair")]


@pytest.mark.parametrize(("page", "file", "name"), GUIDES)
def test_what_a_guide_shows_keeps_the_contract(page: str, file: str, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["check", f"{written(page, file, tmp_path)}:{name}"], standalone_mode=False)
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) > 8
    assert all(line.startswith("ok ") for line in shown)


def test_the_flaw_of_the_guide_can_be_planted(tmp_path: Path, cache_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONECURVE_CACHE", str(cache_folder))
    file = written("add-a-flaw", "my_flaw.py", tmp_path)
    case = onecurve.plant(f"{file}:Frame", data=TOY_SET, model="six-conv[width=4]", recipe=TINY)
    assert case.truth.strength.success > case.truth.strength.twin_success
    assert len({option.name for option in case.truth.options}) == 8


def written(page: str, file: str, folder: Path) -> Path:
    """The file that a guide shows, in a folder."""
    (example,) = [block for block in blocks(ROOT / "docs" / "guides" / f"{page}.md", "python") if block.startswith(f"# {file}\n")]
    (folder / file).write_text(example, encoding="utf-8")
    return folder / file


def test_the_guide_shows_the_tool_of_the_readme() -> None:
    assert EXAMPLE in blocks(ROOT / "docs" / "guides" / "add-a-tool.md", "python")


def test_the_site_shows_every_page() -> None:
    """Pages and folders in the navigation of mkdocs.yml; a folder stands for all its pages."""
    docs, shown = ROOT / "docs", set(nav_entries(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]))
    for entry in shown:
        assert (docs / entry).exists(), entry
    missing = [page for page in docs.glob("**/*.md") if not shown & {f"{page.parent.relative_to(docs)}/", str(page.relative_to(docs))}]
    assert missing == []


def nav_entries(nav: Any) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
    else:
        for entry in nav.values() if isinstance(nav, dict) else nav:
            yield from nav_entries(entry)


def test_the_citation_says_what_the_package_says() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    package = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert citation["license"] == package["license"]
    assert citation["authors"] == package["authors"]


def suites() -> list[str]:
    """Every whole suite in a document."""
    return [block for page in PAGES for block in blocks(page, "yaml") if block.startswith("name:")]


@pytest.mark.parametrize("text", suites())
def test_every_suite_in_a_document_is_one(text: str) -> None:
    suite = parse_suite(text, "a document")
    assert suite.networks or suite.sampled
    assert recipe_of(suite.recipe)


def test_the_guide_to_suites_names_every_field_of_a_recipe() -> None:
    section = text_of(ROOT / "docs" / "guides" / "suites.md").partition("\n## The recipe\n")[2].partition("\n## ")[0]
    named = {name for row in section.splitlines() if row.startswith("| `") for name in re.findall(r"`(\w+)`", row.split(" | ")[0])}
    # The suite has data, model and zoo as fields of its own, and the seed; --device says the device.
    elsewhere = {"data", "model", "zoo", "seed", "device"}
    assert named == {field.name for kind in (Recipe, TrainingRecipe, Gate) for field in fields(kind)} - elsewhere


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


def test_pages_of_results_are_what_their_rows_say_and_the_rows_are_sound() -> None:
    made = maker("make_results").pages()
    assert made
    for page, text in made.items():
        folder = ROOT / "docs" / "results" / page.removesuffix(".md")
        assert folder.with_suffix(".md").read_text(encoding="utf-8") == text, "run: python docs/make_results.py"
        assert onecurve.verify(folder).sound
        assert load_suite(str(folder.with_suffix(".yaml"))).seed == json.loads((folder / "run.json").read_text(encoding="utf-8"))["seed"]


def test_a_page_of_results_says_how_many_clean_images_were_read_where_that_was_counted() -> None:
    made, run = maker("make_results"), read_published(ROOT / "docs" / "results" / "standard")
    (counted, *others) = sorted({row.solver for row in run.rows if row.task == "detect" and row.role is Role.BASELINE})
    assert others
    rows = tuple(replace(row, clean_images=321 if row.solver == counted else None) for row in run.rows if row.task == "detect")
    page = made.page_of(replace(run, rows=rows), "0" * 64, "standard")
    lines = [line.split(" | ") for line in page.splitlines() if re.match(r"\| [\d–]+ \|", line)]
    assert {line[1]: line[-1].removesuffix(" |") for line in lines if line[2] == "baseline"} == {
        solver.partition("@")[0]: "321" if solver == counted else "not counted" for solver in (counted, *others)
    }
    assert "Clean images that were read: not counted." not in page


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
