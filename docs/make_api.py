"""Write `docs/reference/api/`: one page per area of the public door, filled from docstrings when the site is built.

    python docs/make_api.py

A test compares the pages with what this would write, so every new name of `onecurve.__all__` appears in the reference.
"""

import ast
from pathlib import Path
from typing import Final, NamedTuple

import onecurve

FOLDER: Final = Path(__file__).parent / "reference" / "api"
MADE: Final = "<!-- made by docs/make_api.py; do not edit -->\n\n"


class Area(NamedTuple):
    """One page: the public names whose modules start with one of `modules`."""

    page: str
    title: str
    words: str
    modules: tuple[str, ...]


AREAS: Final = (
    Area(
        "verbs",
        "Verbs",
        "What a script or a notebook calls: plant a flaw, ask about it, let a tool look, grade the answer.",
        ("onecurve.bench", "onecurve.models.steps"),
    ),
    Area(
        "audits",
        "Audits",
        "Looking for flaws in a network of one's own, and what was found.",
        ("onecurve.auditing",),
    ),
    Area(
        "cases",
        "Cases and questions",
        "What is planted (a case: a subject and its ground truth) and what is asked about it.",
        ("onecurve.core.case", "onecurve.core.question", "onecurve.core.form", "onecurve.core.effect"),
    ),
    Area("evidence", "Evidence", "What a tool can show. Each kind is one piece.", ("onecurve.core.evidence",)),
    Area(
        "triggers",
        "Triggers and images",
        "Triggers as data, and the labelled images that they are applied to.",
        ("onecurve.core.image",),
    ),
    Area(
        "answers",
        "Answers, grades and rows",
        "What a reader or a solver answers, and what the grader makes of it.",
        ("onecurve.core.answer", "onecurve.core.grade", "onecurve.core.row"),
    ),
    Area(
        "roles",
        "Protocols",
        "What the author of a tool, reader, solver or task writes. Implementations inherit from nothing.",
        ("onecurve.core.roles", "onecurve.core.registry", "onecurve.tasks"),
    ),
    Area(
        "workbench",
        "Workbench, budget and access",
        "What a tool is given, what it may spend, and what the threat model grants it.",
        ("onecurve.core.workbench", "onecurve.core.access", "onecurve.core.network", "onecurve.models"),
    ),
    Area(
        "suites",
        "Suites, errors and the rest",
        "A run as data, the errors that OneCurve raises, and what has no other page.",
        ("onecurve",),
    ),
)


def homes() -> dict[str, str]:
    """Each public name and the module that defines it, read from the imports of `onecurve/__init__.py`."""
    tree = ast.parse(Path(onecurve.__file__).read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    found = {alias.asname or alias.name: str(node.module) for node in imports for alias in node.names}
    return {name: found[name] for name in onecurve.__all__}


def area_of(module: str) -> Area:
    """The first area that names the module or a package around it; the last names everything."""
    return next(area for area in AREAS if any(f"{module}.".startswith(f"{start}.") for start in area.modules))


def pages() -> dict[str, str]:
    """File name below `docs/reference/` to text of every page."""
    names: dict[str, list[str]] = {area.page: [] for area in AREAS}
    for name, module in homes().items():
        names[area_of(module).page].append(name)
        names[area_of(module).page].sort(key=lambda name: (name[0].isupper(), name))  # functions first
    filled = [area for area in AREAS if names[area.page]]
    made = {f"api/{area.page}.md": _page(area, names[area.page]) for area in filled}
    return {"api/index.md": _index(filled, names), **made}


def _index(areas: list[Area], names: dict[str, list[str]]) -> str:
    parts = [
        "# Python API\n\n" + MADE + "Import every name from `onecurve` itself. Names that are not listed here may move without notice.\n",
    ]
    for area in areas:
        listed = "\n".join(f"- `{name}`" for name in names[area.page])
        parts.append(f"## [{area.title}]({area.page}.md)\n\n{area.words}\n\n{listed}\n")
    return "\n".join(parts)


def _page(area: Area, names: list[str]) -> str:
    return "\n".join([f"# {area.title}\n\n{MADE}{area.words}\n", *(f"::: onecurve.{name}\n" for name in names)])


def main() -> None:
    """Write the pages and remove those of areas that are gone."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    made = pages()
    for stale in FOLDER.glob("*.md"):
        if f"api/{stale.name}" not in made:
            stale.unlink()
    for name, text in made.items():
        (FOLDER.parent / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
