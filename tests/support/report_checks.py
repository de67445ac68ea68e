"""What must hold of every page of a report."""

from collections import Counter
from itertools import pairwise
from urllib.parse import unquote

from page_reader import pages


def check_links(out, parsed=()):
    read = {page.path.resolve(): page for page in parsed or pages(out)}
    for path, page in read.items():
        for element in page.elements:
            target = element.attributes.get("href", element.attributes.get("src"))
            if target is None:
                continue
            file, _, fragment = target.partition("#")
            place = (path.parent / unquote(file)).resolve() if file else path
            assert place.is_file(), f"{path.name}: {target} leads nowhere"
            if fragment:
                assert fragment in read[place].ids(), f"{path.name}: no #{fragment} in {place.name}"


def check_headings(page):
    levels = [int(one.tag[1]) for one in page.all("h1", "h2", "h3", "h4", "h5", "h6")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    for before, after in pairwise(levels):
        assert after <= before + 1, f"{page.path.name}: h{before} is followed by h{after}"


def check_access(page):
    assert page.all("html")[0].attributes["lang"] == "en"
    check_headings(page)
    counted = Counter(page.ids())
    assert not [name for name, times in counted.items() if times > 1]
    for image in page.all("img"):
        assert image.attributes["alt"].strip()
        assert {"width", "height"} <= image.attributes.keys()
    for cell in page.all("th"):
        assert cell.attributes.get("scope") in {"col", "row", "colgroup"}
    for table in page.all("table"):
        assert "scroll" not in table.inside
    assert len(page.all("caption")) == len(page.all("table"))
    files = [one for one in page.all("a") if "caption" in one.inside and one.attributes["href"].endswith(".csv")]
    assert len(files) == len(page.all("table")), "a file with its numbers stands beside each table"
    for element in page.elements:
        for name in ("aria-labelledby", "aria-controls"):
            for wanted in element.attributes.get(name, "").split():
                assert wanted in counted
    for box in page.all("input", "select"):
        assert "label" in box.inside
    for chart in page.all("svg"):
        assert chart.attributes.get("aria-label") or chart.attributes.get("aria-hidden") == "true"
    for button in page.all("button"):
        assert button.attributes["type"] == "button"
