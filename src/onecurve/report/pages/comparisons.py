"""The pages that compare: two solvers of one run, and this run with another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from jinja2 import Environment

from onecurve.report.pages import against_view, compare_view
from onecurve.report.pages.assets import Assets
from onecurve.report.pages.data_files import write_records
from onecurve.report.pages.files import written
from onecurve.report.rows.results import Results
from onecurve.report.words.focus import Focus
from onecurve.statistics.ranking import Ranking

Couple = tuple[str, str]


@final
@dataclass(frozen=True)
class ComparePage:
    """A page that the index links to."""

    link: str
    words: str


def write_couples(
    couples: Sequence[Couple], results: Results, rankings: Mapping[str, Ranking], place: tuple[Path, Assets, Environment]
) -> tuple[ComparePage, ...]:
    """One page per couple of solvers; ``place`` is the folder of the report with its assets and templates."""
    out, assets, pages = place
    template, made = pages.get_template("compare.html"), []
    for first, second in dict.fromkeys(couples):
        view = compare_view.compare_view(first, second, results, rankings, assets)
        write_records(out, view.file, compare_view.records(view))
        written(out / view.link, template.render(view=view, up="../"))
        made.append(ComparePage(view.link, f"{first} against {second}: the cases in which they differ"))
    return tuple(made)


def write_against(here: Results, there: Results, out: Path, pages: Environment) -> ComparePage:
    """The page of this run against another."""
    view = against_view.against_view(here, there)
    write_records(out, "against", against_view.line_records(view))
    write_records(out, "against-cells", against_view.records(view))
    written(out / against_view.LINK, pages.get_template("against.html").render(view=view, up=""))
    return ComparePage(against_view.LINK, "This run against the other")


def couple_of(focus: Focus) -> tuple[Couple, ...]:
    """The two solvers that the opening compares; none where it compares none."""
    return (focus.couple,) if all(focus.couple) else ()
