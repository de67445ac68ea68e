"""Bundle a result, so that somebody else can check it."""

from pathlib import Path

from onecurve.runner.bundles.make import bundle_run


def bundle(run: Path | str, out: Path | str, *, networks: bool = True) -> Path:
    """Write rows, questions, evidence, answers, networks with their truths, suite, seed and versions into ``out``, with digests.

    ``out`` is a new or empty folder, or a new file that ends with `.zip`. ``onecurve.verify(out, grade=True)`` checks it without running a
    tool. Without ``networks`` it is smaller, and answers cannot be graded again. A bundle reveals every ground truth of the run. Raises
    ``UsageError`` for a run that is not finished, ``DataError`` for one that is damaged.
    """
    bundle_run(Path(run), Path(out), networks=networks)
    return Path(out)
