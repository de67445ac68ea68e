"""Pictures on disk, each content once, and what a page needs to show one of them."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

from onecurve.report.pages.pictures import size_of

FOLDER = "assets"


@final
@dataclass(frozen=True)
class PageImage:
    """A picture as a page shows it."""

    file: str
    """File name inside the assets folder."""
    width: int
    height: int
    alt: str
    """Alternative text for people who cannot see the picture."""
    caption: str = ""


@final
@dataclass
class Assets:
    """Writes pictures into ``out/assets``; equal pictures share a file."""

    out: Path
    _sizes: dict[str, tuple[int, int]] = field(default_factory=dict)

    def keep(self, png: bytes, alt: str, caption: str = "") -> PageImage:
        """Write the picture unless it is there already."""
        name = f"{hashlib.sha256(png).hexdigest()[:16]}.png"
        if name not in self._sizes:
            self._sizes[name] = size_of(png)
            if not (self.out / FOLDER / name).is_file():  # the name is the content, so an older report wrote the same
                self.write(name, png)
        return PageImage(name, *self._sizes[name], alt, caption)

    def write(self, name: str, content: bytes) -> None:
        """Write any file into the assets folder."""
        folder = self.out / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
