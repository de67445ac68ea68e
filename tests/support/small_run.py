"""A small finished run with everything that this version keeps, made of the packed run that version 0.1.0 wrote."""

import tarfile
from dataclasses import replace
from pathlib import Path

from onecurve.core.digests import FILE as DIGESTS_FILE
from onecurve.core.digests import digest_of, write_digests
from onecurve.core.grade import Status
from onecurve.core.row import Role, Row
from onecurve.runner.phases.plant import DIGESTS
from onecurve.store.store import FILE, Store
from onecurve.tasks.catalog import TASKS

A_ROW = Row(
    key="k", case="c", subject="s", flaw="patch", data="digits", model="six-conv", task="discover", solver="cppn@matcher", tool="cppn",
    reader="matcher", role=Role.METHOD, budget=100.0, retrain_budget=0.0, repeat=0, status=Status.PENDING, forward=3.0, seconds=0.5,
    facts={"insertion": "finetune", "size": 8}, question="q", evidence="e", answer="a",
)  # fmt: skip
PACKED = Path(__file__).parents[1] / "runner" / "historic" / "run-0.1.0.tar.xz"


def old_run(folder: Path) -> Path:
    """The run of 0.1.0 as it was written, without digests."""
    with tarfile.open(PACKED) as archive:
        archive.extractall(folder, filter="data")
    return folder


def small_run(folder: Path) -> Path:
    """The same run as this version would have written it."""
    old_run(folder)
    old_place = folder.parent / f"{folder.name}-old"
    old_place.mkdir()
    (folder / FILE).rename(old_place / FILE)
    with Store.read(old_place) as old, Store.create(folder) as new:
        for name, value in old.facts().items():
            if name not in {"schema", "digests"}:
                new.note(name, value)
        for record in old.plants():
            new.add_plants(record.subject, [each for each in old.plants() if each.subject == record.subject])
        for key, value in old.prepared().items():
            new.prepare(key, value)
        for look in old.looks().values():
            new.add_look(look)
        for row in old.rows():
            new.add_cell(replace(row, task_version=TASKS.load(row.task).version))
        for place in sorted((folder / "networks").iterdir()):
            (place / "key").unlink()
            write_digests(place)
            (place / "key").write_text("key")
            new.note(f"{DIGESTS}{place.name}", digest_of(place / DIGESTS_FILE))
    return folder
