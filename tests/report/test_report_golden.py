"""Golden pages: rows in, pages out, compared after what may differ between machines is made equal.

``ONECURVE_GOLDEN=write pytest tests/report/test_report_golden.py`` writes them anew; read the difference before keeping it.
"""

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from report_fixture import results

from onecurve.report.pages.write import write_report

GOLDEN = Path(__file__).with_name("golden")
KEPT = {"top-images", "cppn", "floor", "oracle"}
PAGES = ("index.html", "cases/s00-patch.html", "solvers/cppn.html", "solvers/matcher.html")


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    whole = results(3, 2, 1, side=8)
    rows = tuple(row for row in whole.rows if row.tool in KEPT and row.task in {"detect", "discover"})
    folder = tmp_path_factory.mktemp("golden")
    write_report(replace(whole, rows=rows), folder)
    return folder


def normalised(text: str) -> str:
    """Pictures' names depend on the version of zlib, the footer on ours, blank lines on nothing that is seen."""
    text = re.sub(r"assets/[0-9a-f]{16}\.png", "assets/PICTURE.png", text)
    text = re.sub(r"Written by OneCurve \S+", "Written by OneCurve VERSION", text)
    return re.sub(r"\n\s*\n+", "\n", text)


@pytest.mark.parametrize("page", PAGES)
def test_page_is_as_it_was(page, out):
    made = normalised((out / page).read_text(encoding="utf-8"))
    kept = GOLDEN / page.replace("/", "-")
    if os.environ.get("ONECURVE_GOLDEN") == "write":
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(made, encoding="utf-8")
    assert made == kept.read_text(encoding="utf-8")
