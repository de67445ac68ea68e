"""What merged results note of the runs that they come from, in the places where a run notes it of itself."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from onecurve.runner.merging.sources import Source

COMMAND = "onecurve merge"


def notes_of(sources: Sequence[Source]) -> Mapping[str, Any]:
    """Notes by name; None for what cannot be told of all together. A mean is never made of them: they are for people."""
    runs = {run: told for source in sources for run, told in source.runs.items()}
    told = [runs[run] for run in sorted(runs)]
    ended = [one["finished"] for one in told if one["finished"] is not None]
    whole = all(source.finished for source in sources) and len(ended) == len(told)
    return {
        "suite": json.dumps(_suite([json.loads(one["suite"]) for one in told if one["suite"]])),
        "started": min((one["started"] for one in told if one["started"]), default=None),
        "finished": {"at": max(one["at"] for one in ended), "seconds": sum(one["seconds"] for one in ended)} if whole and ended else None,
        "command": f"{COMMAND} ({len(told)} runs)",
        "versions": _versions([one["versions"] or {} for one in told]),
        "machine": "; ".join(_distinct(one["machine"] for one in told)),
        "isolation": _distinct(words for one in told for words in one["isolation"] or ()),
    }


def _suite(suites: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the report prints of the suites: each once, with the seeds that were given."""
    distinct: dict[str, dict[str, Any]] = {}
    for suite in suites:
        text = json.dumps({**suite, "seed": None}, sort_keys=True)
        distinct.setdefault(text, {**suite, "seed": []})["seed"].append(suite.get("seed"))
    seeds = {suite.get("seed") for suite in suites}
    runs = [{**suite, "seed": sorted(suite["seed"], key=str)} for suite in (distinct[text] for text in sorted(distinct))]
    return {
        "name": " + ".join(_distinct(str(suite.get("name")) for suite in suites)),
        "seed": seeds.pop() if len(seeds) == 1 else None,
        "runs": runs,
    }


def _versions(found: Sequence[Mapping[str, str]]) -> dict[str, str]:
    names = _distinct(name for one in found for name in one)
    return {name: " and ".join(_distinct(one[name] for one in found if name in one)) for name in names}


def _distinct(words: Iterable[str]) -> list[str]:
    return sorted({word for word in words if word})
