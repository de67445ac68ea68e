"""MM-BD where its paper says that it works: are the margins of trojaned networks outliers, before any reader judges them?

    onecurve run docs/results/by-kind.yaml --out by-kind
    python benchmarks/mm_bd_margins.py by-kind [--passes 7200] [--kind patch --kind clean --kind decoy]

Lets `mm-bd` look at every network of a finished run with so many passes per class, and prints two statistics of its margins by kind of
flaw: the largest over the median margin, and the anomaly index of the reader `outlier`. Each kind stands against the clean and control
networks together, as an AUROC; controls stand against the clean ones. A look with 7,200 passes per class takes some 14 processor seconds.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import onecurve
from onecurve.core.question import Brief
from onecurve.flaws.catalog import CONTROLS
from onecurve.models.storage import load_subject
from onecurve.readers.class_scores.outlier import anomaly_index
from onecurve.statistics.detection import CLEAN, auroc_interval, network_auroc

Values = NDArray[np.float64]


def main() -> None:
    """Look and print."""
    asked = _arguments()
    flaws = {row.subject: row.flaw for row in onecurve.Run(asked.run).rows() if row.task == "detect"}
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for name, flaw in sorted(flaws.items()):
        if not asked.kind or flaw in asked.kind:
            margins = _margins(asked.run / "networks" / name / "subject", asked.passes)
            found[flaw].append((float(margins.max() / np.median(margins)), float(anomaly_index(margins).max())))
            print(f"{name}, {flaw}: largest over median {found[flaw][-1][0]:.2f}, index {found[flaw][-1][1]:.1f}", flush=True)
    for at, statistic in enumerate(("largest over median margin", "anomaly index")):
        print(f"\n{statistic}: AUROC")
        for flaw in sorted(found.keys() - {CLEAN}):
            beside = [CLEAN] if flaw in CONTROLS else CONTROLS
            print(f"{flaw}: {_words([one[at] for one in found[flaw]], [one[at] for kind in beside for one in found.get(kind, [])])}")


def _margins(folder: Path, passes: float) -> Values:
    subject = load_subject(folder)
    scores = onecurve.look("mm-bd", subject, Brief(), budget=passes * subject.classes, seed=1).evidence.class_scores()
    return scores[0].values.astype(np.float64)


def _words(flawed: list[float], others: list[float]) -> str:
    if min(len(flawed), len(others)) < 2:
        return f"{len(flawed)} against {len(others)} networks are too few"
    area = network_auroc(flawed, others)
    between = auroc_interval(area, len(flawed), len(others))
    return f"{area:.2f} ({between.low:.2f} to {between.high:.2f}), {len(flawed)} against {len(others)} networks"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--passes", type=float, default=7200, help="per class")
    parser.add_argument("--kind", action="append", help="a kind of flaw, `clean` or a control; may be repeated")
    return parser.parse_args()


if __name__ == "__main__":
    main()
