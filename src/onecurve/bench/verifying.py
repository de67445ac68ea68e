"""Check a run, published results or a bundle: is everything as it was written, and do the answers earn what the rows say?"""

from pathlib import Path
from typing import TYPE_CHECKING

from onecurve.bench.folders import slots
from onecurve.core.errors import DataError, UsageError
from onecurve.runner.soundness import Soundness, check_run

if TYPE_CHECKING:
    from onecurve.runner.session import Display

MOST_GB = 64.0


def verify(
    folder: Path | str,
    *,
    grade: bool = False,
    jobs: int | None = None,
    most_gb: float = MOST_GB,
    display: "Display | None" = None,
) -> Soundness:
    """Compare every row, blob and network of a run or of a bundle with its digest; nothing is run or changed.

    With ``grade`` every kept answer of a bundle is graded again, ``jobs`` at a time: raw, floor, ceiling and figures must come out as the
    rows say, within a thousandth. No tool runs. What is wrong is in ``faults``, one line each; what could not be checked is in
    ``unchecked``. A zip may unpack to ``most_gb`` GiB. Raises ``DataError`` where there is neither a run nor a bundle, ``UsageError`` for
    ``grade`` of anything but a bundle.
    """
    from onecurve.runner.bundles.opening import is_bundle  # noqa: PLC0415 - late, since most checks are of runs

    path = Path(folder)
    if not is_bundle(path):
        if grade:
            raise UsageError(f"not a bundle: {path}", "`onecurve grade` grades the answers of a run again")
        return check_run(path)
    try:
        from onecurve.runner.bundles.check import check_bundle  # noqa: PLC0415 - what grades starts workers, which Windows cannot
    except ModuleNotFoundError as error:
        if error.name not in {"fcntl", "resource"}:
            raise
        raise DataError("a bundle is checked on Linux or macOS", "on Windows use the Windows Subsystem for Linux (WSL)") from error
    return check_bundle(path, int(most_gb * 2**30), jobs=slots(jobs) if grade else 0, display=display)
