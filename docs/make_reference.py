"""Write `docs/reference/` from the code: run it after changing a command, a class fact or a parameter.

    python docs/make_reference.py

A test compares what it would write with what is there.
"""

import textwrap
from pathlib import Path
from typing import Any, Final

import click

from onecurve.cli.main import cli
from onecurve.core.evidence import PIECES
from onecurve.readers.catalog import READERS
from onecurve.runner.commands.listing import REGISTRIES, entries
from onecurve.tasks.catalog import TASKS
from onecurve.tools.catalog import TOOLS

FOLDER = Path(__file__).parent / "reference"
MADE = "<!-- made by docs/make_reference.py; do not edit -->\n\n"
ON_CARDS: Final = ("tasks", "control", "alone", "dial", "forms", "insertion", "gate", "admitted")
"""Facts of a flaw that `flaws.md` tells."""


def pages() -> dict[str, str]:
    """File name to text of every page."""
    return {"command-line.md": _commands(), "catalog.md": _catalog()}


def _commands() -> str:
    parts = ["# Command line\n\n" + MADE.rstrip() + "\n"]
    context = cli.make_context("onecurve", [], resilient_parsing=True)
    for name, command in sorted(cli.commands.items()):
        inner = click.Context(command, parent=context, info_name=name, max_content_width=100, terminal_width=100)
        parts.append(f"## onecurve {name}\n\n```text\n{command.get_help(inner)}\n```\n")
    return "\n".join(parts)


def _catalog() -> str:
    parts = ["# Catalogue\n\n" + MADE + "Everything that `onecurve list` shows, with parameters and their defaults.\n"]
    parts.append(_pieces())
    for kind in (*REGISTRIES, "suites"):
        parts.append(f"## {kind.capitalize()}\n")
        parts += [_entry(entry, ON_CARDS if kind == "flaws" else ()) for entry in entries(kind)]
    return "\n".join(parts)


def _pieces() -> str:
    """Which readers read each type of evidence, and how many tools show it."""
    rows = ["| evidence | shown by | read by |", "|---|---|---|"]
    for piece in PIECES:
        tools = [name for name in TOOLS.names() if piece in TOOLS.load(name).shows]
        readers = [f"`{name}`" for name in READERS.names() if piece in READERS.load(name).reads]
        shown = f"{len(tools)} tools" if len(tools) > 3 else ", ".join(f"`{name}`" for name in tools)
        rows.append(f"| `{piece.__name__}` | {shown} | {', '.join(readers)} |")
    return "## Evidence\n\nWhat tools show, and which readers read it.\n\n" + "\n".join(rows) + "\n"


def _task_facts(name: str) -> dict[str, str]:
    """What the author of a tool or a reader wants to know of a task."""
    task = TASKS.load(name)
    return {
        "question": task.question,
        "form": str(task.form),
        "usual reader": task.usual_reader,
        "raw score": task.measured,
        "asked": "once per network" if task.blind else "once per flaw",
    }


def _entry(entry: dict[str, Any], hidden: tuple[str, ...]) -> str:
    facts = {name: _words(value) for name, value in entry.items() if name not in ("name", "summary", "parameters", *hidden)}
    if entry["name"] in TASKS.names():
        facts |= _task_facts(entry["name"])
    facts["parameters"] = ", ".join(f"`{name}={value}`" for name, value in entry["parameters"].items())
    lines = [filled(f"- {name.replace('_', ' ')}: {value}") for name, value in facts.items() if value]
    return f"### {entry['name']}\n\n{filled(entry['summary'])}\n\n" + "\n".join(lines) + "\n"


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    return ", ".join(str(one) for one in value) if isinstance(value, list | tuple) else str(value or "")


def filled(text: str) -> str:
    """A paragraph or an item of a list, in lines of at most 120 characters; words and paths are not cut."""
    return textwrap.fill(text, 120, subsequent_indent="  " if text.startswith("- ") else "", break_long_words=False, break_on_hyphens=False)


def main() -> None:
    """Write the pages."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
