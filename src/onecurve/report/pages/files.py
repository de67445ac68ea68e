"""Pages on disk."""

from pathlib import Path


def written(path: Path, text: str) -> Path:
    """Write a page, with its folder; returns the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
