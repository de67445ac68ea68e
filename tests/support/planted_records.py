"""What became of every planted flaw, read from the files of a planted network."""

import json
from pathlib import Path

from onecurve.core.display import PlantRecord


def load_records(folder: Path) -> tuple[PlantRecord, ...]:
    """The records of every flaw of the network in ``folder``, refused ones included."""
    stored = json.loads((folder / "sealed" / "records.json").read_text())
    return tuple(PlantRecord(**record) for record in stored["records"])
