"""`onecurve results`: print the rows for other programs."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from onecurve.core.errors import UsageError

if TYPE_CHECKING:
    from onecurve.bench.running import Run


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--json", "form", flag_value="json", help="An array of objects [default].")
@click.option("--csv", "form", flag_value="csv", help="One line per row; figures and facts as columns.")
@click.option("--parquet", "form", flag_value="parquet", help="Write FOLDER/results.parquet (extra: export).")
@click.option("--by", metavar="COLUMNS", help="One line per group instead: task,solver,budget,kind,data,… (extra: large).")
@click.option("--sql", metavar="SELECT", help="Ask the view `rows` in SQL instead (extra: large).")
@click.option(
    "--publish", type=click.Path(path_type=Path), metavar="OUT", help="Write rows, suite, seed and digests into OUT (extra: export)."
)
@click.option("--reveal", is_flag=True, help="Include the columns that reveal secret flaws.")
def results(folder: Path, form: str | None, by: str | None, sql: str | None, publish: Path | None, reveal: bool) -> None:
    """Print one row per cell of FOLDER.

    With --by or --sql a table is printed, or with --json or --csv what programs read. The mean skill of a group is one over networks,
    a failed cell at the floor, each solver at its largest budget unless --by names the budget. The columns for --sql are those of
    --parquet: `--sql "DESCRIBE rows"`.

    With --publish, OUT holds what others need to cite and check the results: rows as Parquet, the suite and its seed, what was
    planted, how the readers were calibrated, versions, and digests for `onecurve verify OUT`. It reveals every ground truth.
    """
    from onecurve.bench.running import Run  # noqa: PLC0415 - late, so that --help is quick

    _require_one({"--publish": publish, "--by": by, "--sql": sql})
    if publish is not None and form is not None:
        raise UsageError(f"--publish writes rows as Parquet of its own; --{form} goes without it", "leave one of them out")
    if form == "parquet" and (by or sql):
        raise UsageError("--parquet writes whole rows; --by and --sql go without it", "leave one of them out")
    run = Run(folder)
    if publish is not None:
        click.echo(run.publish(publish))
    elif by is not None:
        groups = run.aggregates(*filter(None, by.split(",")), reveal=reveal)
        names = [name for name in groups[0] if form or _tells(groups, name)] if groups else []
        _print(form, names, [[group[name] for name in names] for group in groups])
    elif sql is not None:
        with run.asking(sql, reveal=reveal) as found:
            _print(form, found.names, found.lines)
    else:
        _print_rows(run, form, reveal=reveal)


def _require_one(given: Mapping[str, object]) -> None:
    named = [name for name, value in given.items() if value is not None]
    if len(named) > 1:
        raise UsageError(f"{' and '.join(named)} do not go together", "leave one of them out")


def _tells(groups: Sequence[Mapping[str, Any]], name: str) -> bool:
    """Whether a table has the column of that name: one that only counts cells, of which there are none, is left out."""
    return not all(isinstance(group[name], int) and group[name] == 0 for group in groups)


def _print_rows(run: "Run", form: str | None, *, reveal: bool) -> None:
    from onecurve.store.export import Columns, as_csv, as_json, write_parquet  # noqa: PLC0415 - late, so that --help is quick

    with run.streaming(reveal=reveal) as rows:
        if form == "parquet":
            click.echo(write_parquet(Columns(rows), run.folder / "results.parquet"))
        else:
            sys.stdout.writelines(as_csv(rows) if form == "csv" else as_json(rows))


def _print(form: str | None, names: Sequence[str], lines: Iterable[Sequence[Any]]) -> None:
    from onecurve.store.export import lines_as_csv, lines_as_json  # noqa: PLC0415 - late, so that --help is quick

    forms: Mapping[str | None, Callable[[Sequence[str], Iterable[Sequence[Any]]], Iterable[str]]]
    forms = {"json": lines_as_json, "csv": lines_as_csv, None: _as_table}
    sys.stdout.writelines(forms[form](names, lines))


def _as_table(names: Sequence[str], lines: Iterable[Sequence[Any]]) -> Iterable[str]:
    """Columns of equal width, numbers to four digits."""
    rows = [list(names), *([_words(value) for value in line] for line in lines)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(words.ljust(width) for words, width in zip(row, widths, strict=True)).rstrip() + "\n"


def _words(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}"
    return "" if value is None else str(value)
