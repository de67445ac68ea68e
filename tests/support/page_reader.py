"""Reads written pages as a browser and a screen reader would: elements, attributes, text."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

VOID = {"meta", "link", "img", "input", "br"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    text: str = ""
    inside: tuple[str, ...] = ()
    """Tags of the elements around it, outermost first."""


@dataclass
class Page(HTMLParser):
    path: Path
    elements: list[Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._open: list[Element] = []
        self.feed(self.path.read_text(encoding="utf-8"))
        self.close()
        assert not self._open, f"left open in {self.path.name}: {[one.tag for one in self._open]}"

    def handle_starttag(self, tag, attrs):
        element = Element(tag, {name: value or "" for name, value in attrs}, inside=tuple(one.tag for one in self._open))
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}, inside=tuple(one.tag for one in self._open)))

    def handle_endtag(self, tag):
        assert self._open, f"</{tag}> closes nothing in {self.path.name}"
        assert self._open[-1].tag == tag, f"</{tag}> closes <{self._open[-1].tag}> in {self.path.name}"
        self._open.pop()

    def handle_data(self, data):
        for element in self._open:
            element.text += data

    def all(self, *tags: str) -> list[Element]:
        return [one for one in self.elements if one.tag in tags]

    def ids(self) -> list[str]:
        return [one.attributes["id"] for one in self.elements if "id" in one.attributes]


def pages(out: Path) -> list[Page]:
    return [Page(path) for path in sorted(out.rglob("*.html"))]
