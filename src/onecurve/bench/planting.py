"""Plant flaws in a network, and open what was planted before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, final

from onecurve.bench.folders import cache_root
from onecurve.bench.waiting import PrintedProgress
from onecurve.core.case import Case, Population
from onecurve.core.errors import UngradeableError, UnknownNameError, UsageError
from onecurve.core.folders import require_empty
from onecurve.data.catalog import open_data
from onecurve.flaws.catalog import FLAWS
from onecurve.flaws.planting import storage
from onecurve.flaws.planting.plant import Planted
from onecurve.flaws.planting.plant import plant as plant_network
from onecurve.flaws.schemes.plan import Flaw
from onecurve.flaws.zoo.manifest import manifest, recipe_in
from onecurve.models.cache import Cache
from onecurve.models.steps import Progress, no_progress
from onecurve.runner.recipes import recipe_of
from onecurve.runner.sealed import drawn_seed


@final
@dataclass(frozen=True)
class Setting:
    """What flaws are planted in, and how."""

    data: str = "digits"
    """`digits`, `shapes`, `folder:PATH`, `npz:PATH` or `FILE.py:CLASS`."""
    model: str = "six-conv"
    """An architecture by name, or `FILE.py:CALLABLE`."""
    seed: int | None = 0
    """None to draw one that nobody can guess."""
    insertion: str = "joint"
    """`joint` trains from scratch on poisoned images, `finetune` goes on from a clean network."""
    device: str = "cpu"
    recipe: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the planting recipe, as in a suite file: `{"train_images": 8000}`."""
    casings: tuple[str, ...] = ()
    """`gauged` and `signed`: wrappers to put around the network, as those controls have that other networks beside it hold."""


def plant(
    flaw: str,
    *,
    data: str = "digits",
    model: str = "six-conv",
    seed: int | None = 0,
    recipe: Mapping[str, Any] | None = None,
    out: Path | str | None = None,
    progress: Progress | None = None,
) -> Case:
    """Plant one flaw in a network and measure that it took.

    ``flaw`` is a name of the catalogue with parameters, such as `patch` or `patch[sources=2]`. ``recipe`` sets further fields of the
    planting recipe, such as `{"insertion": "finetune"}`. ``progress`` is called with the share that is done; by default a line is
    printed now and then, and `onecurve.no_progress` shows nothing. ``seed`` and flaw give the whole truth, so give None, which draws
    a seed, for a case that others are to be examined on. Finished clean networks are cached in `$ONECURVE_CACHE`, else in
    `~/.cache/onecurve`, so another flaw in the same setting takes less. With ``out`` the network and its sealed truth are kept in that
    folder; `open_case` opens them again. Raises ``UngradeableError`` with the figures where the gate refuses the plant, ``UsageError``
    for names and settings that do not exist or a folder that is not empty.
    """
    setting = Setting(data, model, seed, recipe=recipe or {})
    planted = plant_together([flaw], setting, out=out, progress=progress)
    if not planted.cases:
        raise UngradeableError(
            f"the plant was refused: {planted.records[0].reason}", "train longer, raise the poison rate, or try another seed"
        )
    return planted.cases[0]


def plant_together(
    flaws: Sequence[str], setting: Setting | None = None, *, out: Path | str | None = None, progress: Progress | None = None
) -> Planted:
    """Plant several flaws in one network; those that the gate refuses have a record with the reason and no case."""
    chosen, folder = setting or Setting(), None if out is None else Path(out)
    if folder is not None:
        require_empty(folder)
        _require_writable(folder)
    made = [_flaw(flaw) for flaw in flaws]
    seed = drawn_seed() if chosen.seed is None else chosen.seed
    classes = len(open_data(chosen.data).class_names)
    named = {"data": chosen.data, "model": chosen.model, "seed": seed, "insertion": chosen.insertion, "device": chosen.device}
    zoo = chosen.recipe.get("zoo")
    own = recipe_in(str(zoo), chosen.recipe) if zoo else chosen.recipe
    planted = plant_network(
        made,
        recipe_of({**named, "clean_features": True, **own}),
        seed,
        subject_id=folder.name if folder is not None else "net" if chosen.seed is None else f"net-{seed}",
        population=Population(0.0, max(1, len(flaws)), classes),
        cache=Cache(cache_root() / "weights"),
        casings=chosen.casings,
        progress=progress or PrintedProgress("plant"),
    )
    if folder is not None:
        storage.save_planted(folder, planted)
    return planted


def open_zoo(flaw: str = "patch", *, number: int = 0, zoo: str = "digits", out: Path | str | None = None) -> Case:
    """A network that comes planted with OneCurve, opened and measured in a few seconds; nothing is trained.

    ``flaw`` is the kind, such as `patch` or `style`, and ``number`` says which of its networks, from 0. The ground truth of a zoo is
    public: use it to try a tool, and `plant` or a run to judge one. With ``out`` the case is kept in that folder, as by `plant`.
    Raises ``UnknownNameError`` for a kind or a zoo that is not there, ``UsageError`` for a number beyond those that are, and for a
    folder that is not empty.
    """
    shelf = manifest(zoo)
    alike = [one for one in shelf.examined if one.kind == flaw]
    if not alike:
        raise UnknownNameError.among(f"flaw of the zoo `{zoo}`", flaw, tuple(dict.fromkeys(one.kind for one in shelf.examined)))
    if not 0 <= number < len(alike):
        raise UsageError(f"the zoo `{zoo}` has {len(alike)} networks with {flaw}, numbered from 0, got: {number}")
    setting = Setting(seed=alike[number].seed, recipe={"zoo": zoo})
    return plant_together([flaw], setting, out=out, progress=no_progress).cases[0]


def _require_writable(folder: Path) -> None:
    """Try the place before anything is trained; nothing is left there."""
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error.strerror}", "choose another folder") from error
    finally:
        made = folder.absolute()
        while made != there.absolute() and made.is_dir():
            made.rmdir()
            made = made.parent


def _flaw(address: str) -> Flaw:
    flaw: Flaw = FLAWS.make(address)
    if not callable(getattr(flaw, "sample", None)):
        raise UsageError(f"`{address}` is no flaw: it has no `sample`", "see the guide on adding a flaw")
    return flaw


def open_case(folder: Path | str, name: str = "", *, device: str = "cpu") -> Case:
    """The case of that name in a folder that `plant` wrote, or in a network's folder of a run; the first where no name is given.

    Raises ``UsageError`` where the folder holds no planted network, ``UnknownNameError`` for a case that is not there.
    """
    place = Path(folder)
    names = storage.case_names(place)
    if not names:
        raise UsageError(f"no flaw was admitted in: {place}", f"see {place / 'sealed' / 'records.json'} for the reasons")
    return storage.load_case(place, name or names[0], device)
