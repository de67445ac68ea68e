"""Planted networks on disk: `subject/` for workers, `sealed/` for the grader. Loading gives the same network bit for bit.

A worker gets `subject/` only. The two folders are written from different records, so no part of the ground truth can get into
`subject/`.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from onecurve.core.case import Case, Population, Strength, Triggered, Truth
from onecurve.core.codec import decode, encode
from onecurve.core.digests import FILE, require_intact, write_digests
from onecurve.core.effect import Effect
from onecurve.core.errors import ModelError, SchemaError, UnknownNameError, UsageError
from onecurve.core.image.images import LabelledImages, as_bytes, as_floats
from onecurve.core.network import Network
from onecurve.flaws.kinds.natural_feature import NaturalFeature
from onecurve.flaws.planting.measuring import strength_figures
from onecurve.flaws.planting.plant import Planted
from onecurve.models.network import TorchNetwork
from onecurve.models.storage import Architecture, load_network, load_subject, save_network, save_subject

SCHEMA = 2
"""Files of schema 1 are read too; they have one target and no units."""
SUBJECT, SEALED = "subject", "sealed"
Arrays = dict[str, np.ndarray]


def save_planted(folder: Path, planted: Planted) -> None:
    """Write ``folder/subject``, ``folder/sealed`` and the digests of their files; existing files are overwritten."""
    (folder / FILE).unlink(missing_ok=True)
    _save(folder, planted)
    write_digests(folder)


def _save(folder: Path, planted: Planted) -> None:
    sealed = folder / SEALED
    sealed.mkdir(parents=True, exist_ok=True)
    save_subject(folder / SUBJECT, planted.subject, planted.architecture)
    seeds = {"seed": planted.seed, "recipe_seed": planted.recipe_seed}
    _write_json(sealed / "records.json", {"schema": SCHEMA, **seeds, "records": [record.plain() for record in planted.records]})
    if not planted.cases:
        return
    truth = planted.cases[0].truth
    twin = _module_of(truth.twin)
    save_network(sealed / "twin.safetensors", twin, twin.module)
    _write_arrays(sealed / "heldout.safetensors", _labelled(truth.heldout))
    cases = [case.id for case in planted.cases]
    _write_json(sealed / "network.json", {"schema": SCHEMA, "cases": cases, "architecture": planted.architecture.record()})
    for case in planted.cases:
        words, arrays = _flaw_of(case.truth)
        _write_json(sealed / f"{case.id}.json", words)
        _write_arrays(sealed / f"{case.id}.safetensors", arrays)


def case_names(folder: Path) -> tuple[str, ...]:
    """The admitted cases of a planted network, in order; raises ``UsageError`` if the folder holds no sealed truths."""
    if not (folder / SEALED / "network.json").exists() and (folder / SEALED / "records.json").exists():
        return ()
    return tuple(_read_json(folder / SEALED / "network.json")["cases"])


def load_case(folder: Path, case_id: str, device: str = "cpu") -> Case:
    """The case as it was planted, with its network on ``device`` and without a meter.

    Raises ``UsageError`` if the folder holds no sealed truths, ``UnknownNameError`` for an unknown case, ``DataError`` for a file
    that is not as it was written.
    """
    sealed = folder / SEALED
    network = _read_json(sealed / "network.json")
    require_intact(folder, [f"{SEALED}/network.json"])
    if case_id not in network["cases"]:
        raise UnknownNameError.among("case", case_id, network["cases"])
    # The first case stands for the whole network.
    beside = network["cases"][1:] if case_id == network["cases"][0] else []
    files = [f"{case}.{kind}" for case in (case_id, *beside) for kind in ("json", "safetensors")]
    require_intact(folder, [f"{SEALED}/{name}" for name in ("twin.safetensors", "heldout.safetensors", *files)])
    subject = load_subject(folder / SUBJECT, device=device)
    twin = load_network(sealed / "twin.safetensors", _architecture(network["architecture"]), device)
    heldout = _relabelled(_read_arrays(sealed / "heldout.safetensors"))
    truths = [
        _truth(_read_json(sealed / f"{case}.json"), _read_arrays(sealed / f"{case}.safetensors"), heldout, subject.granted_network(), twin)
        for case in (case_id, *beside)
    ]
    return Case(case_id, subject, replace(truths[0], beside=tuple(truths[1:])))


def _flaw_of(truth: Truth) -> tuple[dict[str, Any], Arrays]:
    """The truth of one flaw as plain data and arrays; networks and held-out images are stored separately."""
    shown, arrays = encode((truth.trigger, truth.options, truth.units, truth.decoys))
    arrays = {f"shown.{name}": array for name, array in arrays.items()}
    for name, trials in (("triggered", truth.triggered), ("bystanders", truth.bystanders)):
        arrays |= {f"{name}.{part}": array for part, array in _trials(trials).items()}
    if truth.poisoned is not None:
        arrays["poisoned"] = truth.poisoned
    return {
        "schema": SCHEMA,
        "flaw": truth.flaw,
        "effect": {"sends": truth.effect.sends, "main": truth.effect.main},
        "rule": truth.effect.rule(),
        "targets": truth.targets,
        "words": truth.words,
        "shown": shown,
        "right": truth.right,
        "native": truth.native,
        "strength": strength_figures(truth.strength),
        "population": asdict(truth.population),
        "facts": truth.facts,
    }, arrays


def _truth(words: Mapping[str, Any], arrays: Arrays, heldout: LabelledImages, network: Network, twin: Network) -> Truth:
    trigger, options, units, decoys = _shown(decode(words["shown"], _under("shown", arrays)))
    return Truth(
        flaw=words["flaw"],
        effect=_effect(words),
        targets=tuple(words["targets"]),
        words=words["words"],
        trigger=trigger,
        options=options,
        right=words["right"],
        heldout=heldout,
        triggered=_triggered(_under("triggered", arrays)),
        bystanders=_triggered(_under("bystanders", arrays)),
        network=network,
        twin=twin,
        strength=Strength(**words["strength"]),
        population=Population(**words["population"]),
        facts=words["facts"],
        poisoned=arrays.get("poisoned"),
        units=units,
        decoys=decoys,
        native=words.get("native", words["flaw"] == NaturalFeature.name),
    )


def _shown(shown: tuple[Any, ...]) -> tuple[Any, ...]:
    """Trigger, options, units and decoys; earlier versions kept the first two or three."""
    return (*shown, None, ())[:4] if len(shown) == 2 else (*shown, ())[:4]


def _effect(words: Mapping[str, Any]) -> Effect:
    if words["schema"] >= 2:
        return Effect(tuple(words["effect"]["sends"]), words["effect"]["main"])
    classes, sources = words["population"]["classes"], words["sources"]
    if not words["targets"]:
        return Effect.nothing(classes)
    return Effect.towards(words["targets"][0], classes, None if sources is None else tuple(sources))


def _trials(trials: Triggered | None) -> Arrays:
    if trials is None:
        return {}
    arrays = {"images": as_bytes(trials.images), "labels": trials.labels}
    return arrays if trials.masks is None else {**arrays, "masks": trials.masks}


def _triggered(arrays: Arrays) -> Triggered | None:
    return Triggered(as_floats(arrays["images"]), arrays["labels"], arrays.get("masks")) if arrays else None


def _labelled(images: LabelledImages) -> Arrays:
    arrays: Arrays = {"images": images.images, "labels": images.labels}
    if images.features is not None:
        arrays["features"] = images.features
    if images.feature_masks is not None:
        arrays["feature_masks"] = images.feature_masks
    return arrays | {f"attribute.{name}": values for name, values in images.attributes.items()}


def _relabelled(arrays: Arrays) -> LabelledImages:
    given = (arrays["images"], arrays["labels"], arrays.get("features"), arrays.get("feature_masks"))
    return LabelledImages(*given, _under("attribute", arrays))


def _under(name: str, arrays: Arrays) -> Arrays:
    prefix = f"{name}."
    return {key.removeprefix(prefix): array for key, array in arrays.items() if key.startswith(prefix)}


def _module_of(network: Network) -> TorchNetwork:
    if not isinstance(network, TorchNetwork):
        raise ModelError(f"only torch networks can be stored, got: {type(network).__name__}")
    return network


def _architecture(words: Mapping[str, Any]) -> Architecture:
    """The architecture of the twin, which has none of the network's wrappers."""
    channels, height, width = words["shape"]
    return Architecture(words["address"], (channels, height, width), words["classes"])


def _write_json(path: Path, words: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(words, indent=1, sort_keys=True, allow_nan=False))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        words: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise UsageError(f"no sealed truth at: {path}", "give the folder that `onecurve plant` wrote") from error
    except ValueError as error:
        raise SchemaError(f"not a sealed truth: {path}: {error}") from error
    if words.get("schema") not in range(1, SCHEMA + 1):
        raise SchemaError(f"{path} has schema {words.get('schema')}, this version reads 1 to {SCHEMA}")
    return words


def _write_arrays(path: Path, arrays: Arrays) -> None:
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path)


def _read_arrays(path: Path) -> Arrays:
    try:
        arrays: Arrays = load_file(path)
    except (FileNotFoundError, SafetensorError) as error:
        raise SchemaError(f"not the arrays of a sealed truth: {path}: {error}") from error
    return arrays
