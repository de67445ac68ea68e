"""What lies in a bundle, and where. Nothing else may: whoever checks a bundle may have it from a stranger.

bundle.json       suite, seeds, plants, calibrations, solvers, versions, commands; how many rows there are
rows.jsonl        one row per line
blobs/            questions, evidence and answers of the rows
sealed/blobs/     evidence that was made from the truth, for controls
networks/         the planted networks with their ground truth
digests.json      the digest of every other file
"""

import re
from typing import Final

SCHEMA: Final = 1
RECORD, ROWS = "bundle.json", "rows.jsonl"
NAME: Final = r"[A-Za-z0-9][A-Za-z0-9_.+~-]*"
FILES: Final = re.compile(
    rf"bundle\.json|rows\.jsonl|digests\.json"
    rf"|(sealed/)?blobs/[0-9a-f]{{2}}/[0-9a-f]{{32}}(\.file)?\.safetensors"
    rf"|networks/{NAME}/(key|planted\.json|digests\.json|(subject|sealed)/{NAME}\.(json|safetensors))"
)
MOST_FILES: Final = 5_000_000
MOST_BYTES: Final = 64 * 2**30
"""Of all files together, unpacked, unless more is allowed."""
MOST_TEXT: Final = 2**30
"""Bytes of `bundle.json` and of `digests.json`."""
MOST_LINE: Final = 2**20
"""Bytes of a row."""


def may_lie_in_a_bundle(name: str) -> bool:
    """Whether a file of that name, relative to the bundle, has a place there."""
    return FILES.fullmatch(name) is not None and ".." not in name
