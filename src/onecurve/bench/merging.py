"""Merge the results of several runs."""

from collections.abc import Sequence
from pathlib import Path

from onecurve.runner.merging.merge import Merger, merge_runs


def merge(runs: Sequence[Path | str], out: Path | str) -> Merger:
    """Put the rows of several runs into ``out`` by content, with their blobs and networks; what ``out`` has from a merge before stays.

    The same cell of two runs with the same answer and grade counts once. Where several networks bear one name, each gets eight digits of
    its content; of several versions of a solver, the earlier ones get their version, and are never averaged with the newest. The runs are
    only read. Raises ``UsageError`` where two runs hold one cell with different answers or grades, or planted in different ways, and
    where ``out`` holds anything but merged results; nothing is written then.
    """
    return merge_runs([Path(folder) for folder in runs], Path(out))
