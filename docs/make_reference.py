"""Write `docs/reference/` from the code: run it after changing a command, a class fact or a parameter.

    python docs/make_reference.py

A test compares what it would write with what is there.
"""

import textwrap
from pathlib import Path
from typing import Any, Final

import click

from onecurve.cli.main import cli
from onecurve.runner.commands.listing import REGISTRIES, entries

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
    for kind in (*REGISTRIES, "suites"):
        parts.append(f"## {kind.capitalize()}\n")
        parts += [_entry(entry, ON_CARDS if kind == "flaws" else ()) for entry in entries(kind)]
    return "\n".join(parts)


def _entry(entry: dict[str, Any], hidden: tuple[str, ...]) -> str:
    facts = {name: _words(value) for name, value in entry.items() if name not in ("name", "summary", "parameters", *hidden)}
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
