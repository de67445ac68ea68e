"""What must hold of a folder before anything is written into it."""

from pathlib import Path

from onecurve.core.errors import UsageError


def require_empty(folder: Path, hint: str = "choose another folder") -> None:
    """Raise ``UsageError`` unless the folder is empty or is not there yet."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"not an empty folder: {folder}", hint)
