"""The first pass over what is merged: which source each cell, look and prepared value is taken from, and where sources contradict."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Final, final

from onecurve.core.grade import Status
from onecurve.core.row import Row
from onecurve.core.spec import content_key
from onecurve.runner.merged import Named
from onecurve.runner.merging.names import CaseId, NetworkId, SolverId
from onecurve.runner.merging.prepared import Prepared, prepared_of
from onecurve.runner.merging.sources import Source, halves
from onecurve.store.store import Look, Store

UNFINISHED: Final = (Status.PENDING, Status.WAITING, Status.LOST)
COSTS: Final = ("seconds", "peak_mb", "person_seconds", "cpu_seconds", "passes", "clean_images")
"""What may differ between two runs of one cell: it is of the machine, or an earlier version did not count it."""
NAMES: Final = ("case", "subject", "solver", "tool", "reader")
"""What a cell is called; its key says which it is."""
WORDS: Final = ("reason", "traceback")
"""What people read: it names places, sizes and times of a machine."""
COMPARED: Final = tuple(item.name for item in fields(Row) if item.name not in {"key", *COSTS, *NAMES, *WORDS})

Order = tuple[bool, float, float, str]
"""The smallest counts: finished before unfinished, then the one that took least time, since what else a machine did only adds."""


@final
@dataclass(frozen=True, slots=True)
class Taken:
    """The version of something that counts so far, and the source that has it."""

    source: int
    content: str
    order: Order
    answer: str = ""
    """Of a cell."""

    def contradicts(self, other: "Taken") -> bool:
        """Whether the two cannot both be right; what is not finished contradicts nothing but another answer."""
        if self.order[0] or other.order[0]:
            return bool(self.answer and other.answer) and self.answer != other.answer
        return self.content != other.content


@final
@dataclass(frozen=True)
class Clash:
    """One thing that two sources have with different contents."""

    kind: str
    """`cell`, `look` or `prepared`."""
    key: str
    sources: tuple[int, int]


@final
@dataclass
class Gathered:
    """What is taken from where."""

    taken: dict[tuple[str, str], Taken] = field(default_factory=dict)
    """By kind and key."""
    clashes: list[Clash] = field(default_factory=list)
    solvers: set[SolverId] = field(default_factory=set)
    used: dict[tuple[str, str], set[int]] = field(default_factory=dict)
    """Which sources have a half of a solver of that name."""
    twice: int = 0
    """Cells that several sources have, with equal content."""

    def offer(self, kind: str, key: str, found: Taken) -> None:
        """Take this version, leave it, or note that it contradicts the one that is there."""
        known = self.taken.get((kind, key))
        if known is None:
            self.taken[kind, key] = found
            return
        if known.contradicts(found):
            self.clashes.append(Clash(kind, key, (known.source, found.source)))
        elif kind == "cell":
            self.twice += 1
        if found.order < known.order:
            self.taken[kind, key] = found

    def count(self, kind: str) -> int:
        """How many of a kind there are."""
        return sum(known == kind for known, _ in self.taken)


def gather(sources: Sequence[Source]) -> Gathered:
    """Read every source once."""
    gathered = Gathered()
    for number, source in enumerate(sources):
        with Store.read(source.folder) as store:
            for row in store.stream():
                _require_planted(source, row)
                gathered.offer("cell", row.key, Taken(number, content_of(row), order_of(row), row.answer))
                for half, name in halves(row):
                    gathered.solvers.add(source.solver(half, name))
            for look in store.looks().values():
                gathered.offer("look", look.key, Taken(number, _look_content(look), _look_order(look)))
            for one in prepared_of(source, store):
                _offer_prepared(gathered, number, one)
        gathered.solvers |= set(source.solvers.values())
        for known in source.solvers.values():
            gathered.used.setdefault((known.half, known.name), set()).add(number)
    return gathered


def content_of(row: Row) -> str:
    """Equal for two cells of one key with the same answer and the same grade."""
    return content_key({name: _plain(row, name) for name in COMPARED})


def order_of(row: Row) -> Order:
    """Where a row stands among others of its key."""
    costs = [getattr(row, name) for name in COSTS]
    return row.status in UNFINISHED, row.seconds, row.cpu_seconds or 0.0, content_key(str(row.status), costs, row.reason, row.traceback)


def differing(one: Row, other: Row) -> Iterator[tuple[str, object, object]]:
    """The compared fields in which two rows differ, with both values."""
    for name in COMPARED:
        values = _plain(one, name), _plain(other, name)
        if values[0] != values[1]:
            yield name, *values


def networks_and_cases(sources: Sequence[Source]) -> tuple[Mapping[NetworkId, list[int]], frozenset[CaseId]]:
    """Every network with the sources that have it, and every case."""
    found: dict[NetworkId, list[int]] = {}
    for number, source in enumerate(sources):
        for network in source.names:
            found.setdefault(network, []).append(number)
    return found, frozenset(case for source in sources for case in source.cases.values())


def named_elsewhere(sources: Sequence[Source], networks: Mapping[NetworkId, Sequence[int]]) -> Mapping[NetworkId, Named]:
    """The first name of each network, and all keys by which it was planted."""
    known = {network: [sources[number].named[network] for number in having] for network, having in networks.items()}
    return {
        network: Named(min(one.name for one in some), "", tuple(sorted({key for one in some for key in one.keys})))
        for network, some in known.items()
    }


def _offer_prepared(gathered: Gathered, number: int, one: Prepared) -> None:
    seconds, folder = one.order
    gathered.offer("prepared", one.key, Taken(number, one.content, (False, seconds, 0.0, folder)))


def _require_planted(source: Source, row: Row) -> None:
    source.case(row.case)


def _plain(row: Row, name: str) -> object:
    value = getattr(row, name)
    return dict(value) if isinstance(value, Mapping) else str(value) if name in {"status", "role"} else value


def _look_content(look: Look) -> str:
    return content_key(look.evidence, look.cost.forward, look.cost.backward)


def _look_order(look: Look) -> Order:
    return False, look.cost.seconds, look.cost.cpu_seconds or 0.0, content_key(look.reason, look.traceback, look.cost.peak_mb)
