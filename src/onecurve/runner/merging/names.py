"""What the contents of several runs are called where they stand together.

A network is known by its content, a case by its network and by the plan that asked about it, a solver by the keys of its halves. What
one content alone bears keeps its name, or the first of its names. Where several bear one name, networks and cases get eight digits of
their content behind it, and of solvers all but the newest version get their version. The names follow from what is merged, and not from
the order in which it is named.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar, final

from onecurve.core.spec import content_key

DIGITS = 8

Id = TypeVar("Id")


@final
@dataclass(frozen=True, order=True)
class NetworkId:
    """A planted network: runs of several seeds may call one network of a zoo by several names."""

    content: str
    """Of weights and images."""


@final
@dataclass(frozen=True, order=True)
class CaseId:
    """A flaw in a network, asked about by a plan: another plan has other questions about the same flaw."""

    network: NetworkId
    part: str
    """What its name has behind that of the network: `.1`."""
    plan: str
    """The planting key of the run: its seed, its networks, its set."""


@final
@dataclass(frozen=True, order=True)
class SolverId:
    """One half of a solver: a tool or one that answers by itself, or a reader."""

    half: str
    """`tool` or `reader`."""
    name: str
    versions: tuple[int, ...]
    """Several where a run was gone on with by a later version: its rows do not say which of them made them."""
    keys: tuple[str, ...]
    """They change with anything that could change an answer."""


@final
class Names:
    """The names of everything that is merged."""

    def __init__(self, networks: Mapping[NetworkId, str], cases: Iterable[CaseId], solvers: Iterable[SolverId]) -> None:
        """``networks`` has for each network the first of its names."""
        self.networks = _named({one: (name, one.content) for one, name in networks.items()})
        beside = {one: named_by(self.networks[one.network], one.part) for one in frozenset(cases)}
        self.cases = _named({one: (name, content_key(one)) for one, name in beside.items()})
        self.solvers = _of_solvers(frozenset(solvers))


def part_of(case: str, network: str) -> str:
    """What the name of a case has behind that of its network; all of it where it does not begin with that."""
    return case.removeprefix(network) if case.startswith(f"{network}.") else case


def named_by(network: str, part: str) -> str:
    """The name of a case of a network."""
    return f"{network}{part}" if part.startswith(".") else part


def same_name(solvers: Iterable[SolverId]) -> list[tuple[SolverId, SolverId]]:
    """Pairs of one name and one version whose keys differ: other parameters, or another file of a person."""
    known: dict[tuple[str, str, tuple[int, ...]], SolverId] = {}
    pairs = []
    for one in sorted(set(solvers)):
        other = known.setdefault((one.half, one.name, one.versions), one)
        if other != one:
            pairs.append((other, one))
    return pairs


def _named(wanted: Mapping[Id, tuple[str, str]]) -> Mapping[Id, str]:
    bearers: dict[str, set[str]] = defaultdict(set)
    for name, key in wanted.values():
        bearers[name].add(key)
    return {one: name if len(bearers[name]) == 1 else f"{name}-{key[:DIGITS]}" for one, (name, key) in wanted.items()}


def _of_solvers(solvers: Iterable[SolverId]) -> Mapping[SolverId, str]:
    bearers: dict[tuple[str, str], list[SolverId]] = defaultdict(list)
    for one in solvers:
        bearers[one.half, one.name].append(one)
    return {one: _solver_name(one, group) for group in bearers.values() for one in group}


def _solver_name(one: SolverId, bearers: Sequence[SolverId]) -> str:
    newest = max(bearers, key=lambda each: (each.versions, each.keys))
    return one.name if one == newest else f"{one.name}-v{'+'.join(map(str, one.versions)) or '?'}"
