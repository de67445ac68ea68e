"""Hooks of `mkdocs build`: folders in the navigation, and a site that works without the net."""

import re
from pathlib import Path
from typing import Any, Final

from mkdocs.exceptions import PluginError

LOADED: Final = re.compile(r"<(?:script|link|img|iframe)\b[^>]*?\b(?:src|href)=[\"']?(?:https?:)?//[^>]*>")
HARMLESS: Final = re.compile(r"rel=[\"']?(?:canonical|prev|next)")


def on_config(config: Any) -> Any:
    """Every folder named in the navigation, as `decisions/`, becomes its pages."""
    config.nav = _opened(config.nav, Path(config.docs_dir))
    return config


def on_post_page(output: str, page: Any, **_: Any) -> str:
    """The page as it is; one that loads anything from another site stops the build."""
    foreign = [tag for tag in LOADED.findall(output) if not HARMLESS.search(tag)]
    if foreign:
        raise PluginError(f"{page.file.src_path} loads from another site: {foreign[0]}")
    return output


def _opened(entry: Any, docs: Path) -> Any:
    if isinstance(entry, dict):
        return {title: _opened(inner, docs) for title, inner in entry.items()}
    if isinstance(entry, list):
        return [page for inner in entry for page in _listed(_opened(inner, docs))]
    return _pages(docs, entry) if entry.endswith("/") else entry


def _listed(opened: Any) -> list[Any]:
    return opened if isinstance(opened, list) else [opened]


def _pages(docs: Path, folder: str) -> list[str]:
    """The index first, then the pages in the order in which it links to them, then the others by name."""
    index = docs / folder / "index.md"
    linked = re.findall(r"\]\(([\w-]+\.md)\)", index.read_text(encoding="utf-8")) if index.exists() else []
    names = sorted(path.name for path in (docs / folder).glob("*.md"))
    order = {name: place for place, name in enumerate(["index.md", *linked])}
    return [folder + name for name in sorted(names, key=lambda name: (order.get(name, len(order)), name))]
