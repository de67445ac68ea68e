"""Flip single bytes of a finished run, one at a time: is each noticed, and if not, does anything change?

    python benchmarks/damage.py [FLIPS PER KIND OF FILE]

Prints, per kind of file, how many flips `onecurve verify` told, how many changed nothing that is read, and how many changed a number
without a word; the last must be 0.
"""

import json
import random
import sys
import tempfile
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from hostile.world import GOOD, SUITE
from onecurve.core.errors import OneCurveError
from onecurve.runner.run import Place, run_suite
from onecurve.runner.soundness import check_run
from onecurve.runner.suite import parse_suite
from onecurve.store.store import Store

KINDS = {
    "open blobs": "blobs/**/*.safetensors",
    "sealed blobs": "sealed/blobs/**/*.safetensors",
    "weights": "networks/*/subject/network.safetensors",
    "clean sets": "networks/*/subject/clean.safetensors",
    "descriptions": "networks/*/subject/*.json",
    "sealed arrays and twins": "networks/*/sealed/**/*.safetensors",
    "sealed records": "networks/*/sealed/**/*.json",
    "digests": "networks/*/digests.json",
    "database": "results.sqlite",
}


def main(flips: int) -> None:
    """Run once, then damage and mend."""
    chance = random.Random(0)
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder) / "out", Path(folder) / "cache", 2)
        run_suite(parse_suite(json.dumps({**SUITE, "solvers": list(GOOD)}), "damage"), place)
        whole = _read(place.out)
        for kind, pattern in KINDS.items():
            files = sorted(place.out.glob(pattern))
            found = Counter(_flipped(place.out, chance.choice(files), chance, whole) for _ in range(flips if files else 0))
            print(f"{kind}: {len(files)} files, {dict(found)}", flush=True)


def _flipped(run: Path, file: Path, chance: random.Random, whole: object) -> str:
    content = bytearray(file.read_bytes())
    at = chance.randrange(len(content))
    content[at] ^= 1 << chance.randrange(8)
    before = file.read_bytes()
    file.write_bytes(content)
    try:
        if not check_run(run).sound:
            return "told"
        return "harmless" if _read(run) == whole else f"silent at byte {at} of {file.name}"
    except OneCurveError:
        return "told"
    finally:
        file.write_bytes(before)


def _read(run: Path) -> object:
    """All that is read of a run: rows, looks, what was prepared, and records."""
    with Store.read(run) as store:
        rows = [asdict(row) for row in store.rows()]
        keys = sorted({key for row in rows for key in (row["question"], row["evidence"], row["answer"]) if key and ":" not in key})
        return json.dumps([rows, store.prepared(), [repr(store.record(key)) for key in keys]], default=str, sort_keys=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
