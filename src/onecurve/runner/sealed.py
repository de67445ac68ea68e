"""What a run keeps from everybody who looks: the seed that was drawn for it. One folder, closed to other users of the machine."""

import json
import os
import secrets
from pathlib import Path
from typing import Any

from onecurve.core.errors import DataError, UsageError
from onecurve.core.seeds import SEEDS
from onecurve.runner.suite import Suite
from onecurve.store.store import SEALED, Store

SEED = "seed.json"


def sealed_file(out: Path, name: str) -> Path:
    """A file of the sealed part of the run in ``out``."""
    return out / SEALED / name


def drawn_seed() -> int:
    """A seed that nobody can guess, from the system's random numbers; a whole number below 2**53, as JSON keeps it."""
    return secrets.randbelow(SEEDS)


def kept_seed(out: Path) -> int | None:
    """The seed that was drawn for the run in ``out``; None if none was. Raises ``DataError`` for a file that is damaged."""
    path = sealed_file(out, SEED)
    if not path.exists():
        return None
    try:
        found: Any = json.loads(path.read_text(encoding="ascii"))["seed"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"cannot read {path}: {error}", "restore it from a copy, or start the run in another folder") from error
    if not isinstance(found, int) or not 0 <= found < SEEDS:
        raise DataError(f"damaged: {path}", "restore it from a copy, or start the run in another folder")
    return found


def with_seed(suite: Suite) -> Suite:
    """The suite with its own seed, or with one that is drawn now and kept nowhere."""
    return suite if suite.seed is not None else suite.changed({"seed": drawn_seed()})


def settled(suite: Suite, store: Store) -> Suite:
    """The suite with the seed of the run: its own, the one that the run has, or one that is drawn now and kept in the sealed part.

    Raises ``UsageError`` where the run had a drawn seed that is gone.
    """
    if suite.seed is not None:
        return suite
    seed = seed_of_run(store)
    if seed is None:
        if store.noted("planting") is not None:
            raise UsageError(f"the seed of this run is gone: {sealed_file(store.folder, SEED)}", "restore it, or name it with --seed")
        seed = drawn_seed()
        _keep(sealed_file(store.folder, SEED), seed)
    found = suite.changed({"seed": seed})
    if store.holdings.remote is not None and given_seed(store) is None:
        store.holdings.remote.send(sealed_file(store.folder, SEED), _copy_of(found.planting_key))
    return found


def seed_of_run(store: Store) -> int | None:
    """The seed of a run that was begun: given beforehand, else drawn; None if it has none yet."""
    given, planting, path = given_seed(store), store.noted("planting"), sealed_file(store.folder, SEED)
    if given is None and planting is not None and not path.exists() and store.holdings.remote is not None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.chmod(0o700)
        store.holdings.remote.fetch(_copy_of(planting), path)
    return kept_seed(store.folder) if given is None else given


def _copy_of(planting: str) -> str:
    """Name of the drawn seed in the remote place, by the key of what was planted with it."""
    return f"{SEALED}/seeds/{planting[:2]}/{planting}.json"


def given_seed(store: Store) -> int | None:
    """The seed that a run was given beforehand; None where it was drawn."""
    text = store.noted("suite")
    seed = json.loads(text)["seed"] if text else None
    return int(seed) if seed is not None else None


def _keep(path: Path, seed: int) -> None:
    """Write the seed for its owner alone, whole or not at all."""
    try:
        path.parent.mkdir(exist_ok=True)
        path.parent.chmod(0o700)
        arriving = path.with_name(f".{path.name}")
        arriving.unlink(missing_ok=True)
        with os.fdopen(os.open(arriving, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            json.dump({"seed": seed}, file)
            file.flush()
            os.fsync(file.fileno())
        arriving.replace(path)
    except OSError as error:
        raise UsageError(f"cannot write to {path}: {error.strerror}", "choose another folder with --out") from error
