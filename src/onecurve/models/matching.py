"""Fits the tensors of a weight file to a network whose names for them may differ by a prefix or by what a tool made of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from onecurve.models.parts import is_finite

State = dict[str, Tensor]
INSERTED = ("_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module.")
"""What torch's wrappers put into names, at any depth."""
MOST_PREFIXES = 16
NORMED = "folded weight normalisation into the weights"
COUNTER = "num_batches_tracked"
"""Of batch normalisation; old files lack it, and nothing here depends on it."""


@final
@dataclass(frozen=True)
class Match:
    """Tensors under the network's names, what was done to fit them, and what does not fit."""

    state: State
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    common: int = 0
    """Names of the network for which there is a tensor."""


def matched(module: nn.Module, state: Mapping[str, Tensor]) -> Match:
    """The best fit of the tensors to the module: as they are, without what wrappers insert, or under a common prefix."""
    wanted = dict(module.state_dict())
    best = _attempt(wanted, _Candidate(dict(state)))
    for candidate in _candidates(wanted, dict(state)):
        if not best.problems:
            break
        best = min(best, _attempt(wanted, candidate), key=lambda match: (len(match.problems), -match.common))
    return best


@final
@dataclass(frozen=True)
class _Candidate:
    """Tensors renamed, what was done, and which names of the file are not among them."""

    state: State
    notes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def _candidates(wanted: Mapping[str, Tensor], state: State) -> Iterator[_Candidate]:
    plain, notes = _without_inserted(state)
    own = {_uninserted(name): name for name in wanted}
    folded, folds = _folded(plain)
    for named, done in ((plain, notes), (folded, (*notes, *folds)))[: 2 if folds else 1]:
        yield _Candidate({own.get(name, name): values for name, values in named.items()}, done)
        for prefix in _prefixes(named, own):
            inside = {name.removeprefix(prefix): values for name, values in named.items() if name.startswith(prefix)}
            outside = tuple(name for name in named if not name.startswith(prefix))
            renamed = {own.get(name, name): values for name, values in inside.items()}
            yield _Candidate(renamed, (*done, f"took off the prefix `{prefix}`"), outside)
        for prefix in _prefixes(own, named):
            renamed = {own.get(f"{prefix}{name}", name): values for name, values in named.items()}
            yield _Candidate(renamed, (*done, f"added the prefix `{prefix}`"))


def _attempt(wanted: Mapping[str, Tensor], candidate: _Candidate) -> Match:
    state = candidate.state
    aliases = _aliases(wanted)
    twins = {
        name: next(other for other in aliases[name] if other in state)
        for name in wanted
        if name not in state and any(other in state for other in aliases[name])
    }
    problems = misfits(wanted, {**state, **{name: state[other] for name, other in twins.items()}})
    problems += [
        f"tied in the network and different in the file: {name}, {other}"
        for name, others in aliases.items()
        for other in others
        if name < other and name in state and other in state and not torch.equal(state[name], state[other])
    ]
    tied = ("tied tensors are in the file once",) if twins else ()
    outside = (f"left out what lies beside: {', '.join(candidate.left_out[:4])}",) if candidate.left_out else ()
    return Match(state, (*candidate.notes, *tied, *outside), tuple(problems), sum(name in state for name in wanted))


def misfits(wanted: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> list[str]:
    """What is missing, unexpected, of another shape or kind, or not finite; a missing counter of batches is forgiven."""
    problems = [f"missing: {name}, {tuple(wanted[name].shape)}" for name in wanted if name not in state and not name.endswith(COUNTER)]
    problems += [f"unexpected: {name}" for name in state if name not in wanted]
    return problems + [problem for name, values in state.items() if name in wanted for problem in _misfit(name, values, wanted[name])]


def _misfit(name: str, values: Tensor, wanted: Tensor) -> list[str]:
    if values.shape != wanted.shape:
        return [f"wrong shape: {name} must be {tuple(wanted.shape)}, got: {tuple(values.shape)}"]
    if wanted.is_floating_point() != values.is_floating_point():
        return [f"wrong type: {name} must be {wanted.dtype}, got: {values.dtype}"]
    return [] if is_finite(values) else [f"not finite: {name} holds NaN or infinity"]


def _aliases(wanted: Mapping[str, Tensor]) -> dict[str, list[str]]:
    """For each name the other names of the same tensor."""
    by_place: dict[tuple[object, ...], list[str]] = {}
    for name, values in wanted.items():
        by_place.setdefault((values.data_ptr(), values.shape, values.stride()) if values.numel() else (name,), []).append(name)
    return {name: [other for other in names if other != name] for names in by_place.values() for name in names}


def _uninserted(name: str) -> str:
    for word in INSERTED:
        name = name.replace(word, "")
    return name


def _without_inserted(state: State) -> tuple[State, tuple[str, ...]]:
    plain = {_uninserted(name): values for name, values in state.items()}
    words = [word for word in INSERTED if any(word in name for name in state)]
    return plain, tuple(f"took `{word}` out of the names" for word in words)


def _prefixes(names: Mapping[str, object], inner: Mapping[str, object]) -> list[str]:
    """What stands before the first few names of ``inner`` in ``names``, the shortest first; at most ``MOST_PREFIXES``."""
    few = [name for name in inner if "." in name][:3] or list(inner)[:3]
    found = {name.removesuffix(tail) for name in names for tail in few if name.endswith(f".{tail}")}
    return sorted(found, key=lambda prefix: (len(prefix), prefix))[:MOST_PREFIXES]


def _folded(state: State) -> tuple[State, tuple[str, ...]]:
    """Weights that a tool split in two, as one again: by a mask of pruning, or into length and direction (weight normalisation)."""
    folded, notes = dict(state), []
    for name in state:
        for first, second, join, note in SPLITS:
            stem, other = name.removesuffix(first), name.removesuffix(first) + second
            if stem != name and other in state:
                front, _, back = stem.rpartition("parametrizations.")
                folded[f"{front}{back}"] = join(folded.pop(name), folded.pop(other))
                notes.append(note)
    return folded, tuple(dict.fromkeys(notes))


def _normed(length: Tensor, direction: Tensor) -> Tensor:
    """The weight of that length along the axes that ``length`` keeps (Salimans & Kingma, arXiv 1602.07868)."""
    others = [axis for axis in range(direction.ndim) if length.ndim != direction.ndim or length.shape[axis] == 1]
    spread: Tensor = torch.linalg.vector_norm(direction, dim=others, keepdim=True)
    return direction * (length.view_as(spread) / spread)


SPLITS = (
    ("_orig", "_mask", torch.mul, "folded the masks of pruning into the weights"),
    ("_g", "_v", _normed, NORMED),
    (".original0", ".original1", _normed, NORMED),
)
"""How the names of two tensors end that make up one weight, what makes it, and the note."""
