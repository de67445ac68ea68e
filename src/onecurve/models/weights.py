"""Loads weight files into a module: safetensors, or torch files that hold only tensors. No file is ever run.

A file that does not fit is refused with a list of all problems, and the module stays unchanged.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import uuid4

import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from onecurve.core.errors import ModelError
from onecurve.models.matching import Match, matched, misfits
from onecurve.models.weight_files import read_weights

LISTED = 12
"""Number of problems that are listed; the rest are counted."""
WRAPPINGS = ("", "state_dict", "model_state_dict", "model", "net", "network")
"""Keys under which training scripts store the weights, the likeliest first."""
OTHER = "were the weights saved from this very architecture?"


def load_weights(module: nn.Module, path: str | Path) -> tuple[str, ...]:
    """Put the weights of a file into the module, in place; gives one line for each thing that was done to fit them.

    The content tells what the file is: safetensors, a torch file, or numpy arrays. The weights may lie in a dictionary within, under
    any common prefix, with the names that ``torch.compile`` and pruning give; a tensor that the network holds under two names may
    be there once. Raises ``ModelError`` for a file that is missing, damaged, far too large or needs code to load, and for names,
    shapes or numbers that do not fit.
    """
    if any(is_lazy(values) for values in (*module.parameters(), *module.buffers())):
        raise ModelError("the network has lazy layers, which have no sizes yet", "run it once on images before its weights are loaded")
    states = read_weights(Path(path), limit_for(module))
    fits = {place: matched(module, state) for place, state in states.items()}
    place, best = min(fits.items(), key=lambda fit: (len(fit[1].problems), _rank(fit[0])))
    if best.problems:
        raise _misfit(path, place, best, len(states[place]))
    _require_one(path, fits, place)
    _put(module.state_dict(), best.state)
    return (*((f"took the weights under `{place}`",) if place else ()), *best.notes)


def limit_for(module: nn.Module) -> int:
    """The largest size in bytes of a weight file for this module: sixteen times its weights plus 64 MiB."""
    needed = sum(int(values.numel() * values.element_size()) for values in module.state_dict().values())
    return 16 * needed + 2**26


def put_state(module: nn.Module, state: Mapping[str, Tensor], name: str) -> None:
    """Copy the tensors into the module; raises ``ModelError`` that lists all that are missing, unexpected or do not fit."""
    problems = misfits(module.state_dict(), state)
    if problems:
        raise _listed(name, problems)
    _put(module.state_dict(), state)


def write_state(path: Path, state: Mapping[str, Tensor], facts: Mapping[str, str] | None = None) -> None:
    """Write tensors and metadata ``facts`` as a safetensors file, atomically: other processes see the complete file or none."""
    # Cloned, because the format refuses tensors that share memory.
    plain = {key: values.detach().cpu().clone(memory_format=torch.contiguous_format) for key, values in state.items()}
    write_file(path, save(plain, dict(facts) if facts else None))


def write_file(path: Path, content: bytes) -> None:
    """Write a file atomically; missing folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.{uuid4().hex}")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _put(wanted: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> None:
    with torch.no_grad():
        for key, values in state.items():
            wanted[key].copy_(values)


def _rank(place: str) -> tuple[int, str]:
    last = place.rpartition(".")[2]
    return WRAPPINGS.index(last) if last in WRAPPINGS else len(WRAPPINGS), place


def _require_one(path: str | Path, fits: Mapping[str, Match], place: str) -> None:
    """Raise ``ModelError`` where several dictionaries fit and none has a name that says that it is meant."""
    others = [other for other, fit in fits.items() if not fit.problems and other != place]
    if others and _rank(place)[0] == len(WRAPPINGS):
        raise ModelError(
            f"{path} holds several sets of weights that fit: {', '.join([place, *others])}", "save the one that you mean by itself"
        )


def _misfit(path: str | Path, place: str, match: Match, held: int) -> ModelError:
    where = f"{path} (under `{place}`)" if place else str(path)
    if match.common == 0:
        return ModelError(f"{where} does not fit the network: none of its {held} names is one of the network's", OTHER)
    return _listed(where, match.problems)


def _listed(name: str, problems: Sequence[str]) -> ModelError:
    more = f"\n  and {len(problems) - LISTED} more" if len(problems) > LISTED else ""
    listed = "".join(f"\n  {problem}" for problem in problems[:LISTED])
    return ModelError(f"{name} does not fit the network:{listed}{more}", OTHER)
