"""Write `docs/reference/` from the code: run it after changing a command, a class fact or a parameter.

    python docs/make_reference.py

A test compares what it would write with what is there.
"""

from pathlib import Path

import click

from onecurve.cli.main import cli
from onecurve.runner.commands.listing import REGISTRIES, entries

FOLDER = Path(__file__).parent / "reference"
MADE = "<!-- made by docs/make_reference.py; do not edit -->\n\n"


def pages() -> dict[str, str]:
    """File name to text of every page."""
    return {"command-line.md": _commands(), "catalog.md": _catalog()}


def _commands() -> str:
    parts = [MADE + "# Command line\n"]
    context = cli.make_context("onecurve", [], resilient_parsing=True)
    for name, command in sorted(cli.commands.items()):
        inner = click.Context(command, parent=context, info_name=name, max_content_width=100, terminal_width=100)
        parts.append(f"## onecurve {name}\n\n```text\n{command.get_help(inner)}\n```\n")
    return "\n".join(parts)


def _catalog() -> str:
    parts = [MADE + "# Catalog\n\nEverything that `onecurve list` shows, with parameters and their defaults.\n"]
    for kind in (*REGISTRIES, "suites"):
        parts.append(f"## {kind.capitalize()}\n")
        parts += [_entry(entry) for entry in entries(kind)]
    return "\n".join(parts)


def _entry(entry: dict) -> str:  # type: ignore[type-arg]
    facts = {
        "version": entry["version"],
        "source": entry["source"],
        "role": entry["role"],
        "tasks": ", ".join(entry["tasks"]),
        "needs": ", ".join(entry["needs"]),
        "parameters": ", ".join(f"`{name}={value}`" for name, value in entry["parameters"].items()),
    }
    lines = [f"- {name}: {value}" for name, value in facts.items() if value]
    return f"### {entry['name']}\n\n{entry['summary']}\n\n" + "\n".join(lines) + "\n"


def main() -> None:
    """Write the pages."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
