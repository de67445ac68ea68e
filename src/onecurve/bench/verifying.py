"""Check a run on disk: is everything as it was written?"""

from pathlib import Path

from onecurve.runner.soundness import Soundness, check_run


def verify(folder: Path | str) -> Soundness:
    """Compare every row, blob and network of a run with its digest; nothing is run or changed.

    What is wrong is in ``faults``, one line each; what an earlier version wrote without digests is in ``unchecked``. Raises
    ``DataError`` where there is no run.
    """
    return check_run(Path(folder))
