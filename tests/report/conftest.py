"""Lets the tests of this folder import the results fixture and the page reader by name."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from page_reader import pages
from report_fixture import results

from onecurve.report.pages.write import write_report


@pytest.fixture(scope="session")
def small():
    return results(3, 3, 1, side=16)


@pytest.fixture(scope="session")
def tiny():
    """The least that fills every part of a page, for tests that write a report of their own."""
    return results(2, 1, 1, side=8)


@pytest.fixture(scope="session")
def read(written):
    """The pages of ``written``, parsed once."""
    return pages(written)


@pytest.fixture(scope="session")
def index(read):
    return next(page for page in read if page.path.name == "index.html")


@pytest.fixture(scope="session")
def written(small, tmp_path_factory):
    out = tmp_path_factory.mktemp("report")
    write_report(small, out)
    return out
