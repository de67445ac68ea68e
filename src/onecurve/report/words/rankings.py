"""What a ranking allows to say: whether it tells solvers apart, how many networks would, and on whose reading it rests."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations
from statistics import fmean

from onecurve.core.row import Row
from onecurve.report.words import numbers
from onecurve.report.words.naming import Names
from onecurve.statistics.agreement import WANTED, agreement
from onecurve.statistics.intervals import TooFewError
from onecurve.statistics.ranking import PairTest, Ranking, rows_by_reader


def told_apart(ranked: Ranking, names: Names) -> str:
    """How many pairs are separated; where none is, so, and how many networks would separate them."""
    count = len(ranked.solvers)
    if count < 2:
        return f"Only one solver has a score on {ranked.task}, so there is nothing to rank."
    if not ranked.asked:
        return f"Each of the {count} solvers with a score on {ranked.task} has a reader of its own, so none is compared with another."
    pairs = f"{numbers.count(ranked.asked, 'pair')} of solvers{_alike(ranked, names)}"
    if ranked.separated:
        rest = "" if ranked.separated == ranked.asked else " Solvers in one frame share a group: not all of them are told apart."
        return f"{ranked.separated} of {pairs} are separated.{rest}"
    networks = numbers.count(max(pair.n for pair in ranked.pairs.values() if pair.asked), "network")
    return f"On {ranked.task}, {networks} cannot tell these {count} solvers apart. {_would(ranked, names)}"


def _alike(ranked: Ranking, names: Names) -> str:
    """Which pairs are compared, where not all are."""
    if ranked.asked == len(ranked.pairs):
        return ""
    all_read = all(names.halves[one.summary.solver][1] for one in ranked.solvers)
    return " that one reader reads" if all_read else " that share a reader, or of which one has none,"


def more_networks(ranked: Ranking, pair: PairTest) -> str:
    """How many networks would separate a pair, as part of a sentence; empty where that is unknown."""
    needed = ranked.networks_for(pair)
    if needed is None or needed <= pair.n:
        return ""
    return f"about {rounded(needed)} networks would separate them if this is the true difference"


def rounded(number: int) -> str:
    """Two significant digits: the number is an order of magnitude.

    >>> rounded(1338), rounded(9)
    ('1 300', '9')
    """
    return f"{int(float(f'{number:.2g}')):,}".replace(",", " ")


def readers_words(ranked: Ranking, names: Names) -> str:
    """On how many readers the order rests, and whether two readers agree on it."""
    readers = sorted({names.halves[one.summary.solver][1] for one in ranked.solvers} - {""})
    if not readers:
        return "No reader takes part: what is graded is a network that the solver hands back."
    if len(readers) == 1:
        return f"The order rests on {readers[0]} alone: with another reader it may be another."
    alike, shared, opposed = _agreement(ranked, names)
    by = f"By {numbers.count(len(readers), 'reader')}, {numbers.and_list(readers)}"
    if not shared:
        return f"{by}, no two of which read the same tools on the same networks: no tool's place is confirmed by a second reader."
    if opposed:
        tools = {frozenset(names.halves[solver][0] for solver in pair) for pair in opposed}
        reverse = f"{numbers.count(len(tools), 'pair')} of tools that one reader separates, another puts in reverse order"
        return f"{by}, which disagree: {reverse}. So there is no order of the tools, and no rank: they stand by name."
    verb = "agree on" if alike == shared else "put in the same order"
    return f"{by}, which {verb} {alike} of {numbers.count(shared, 'pair')} of tools that two of them read."


def halves_words(rows: Sequence[Row], task: str) -> str:
    """How far two halves of the networks put the solvers in the same order, for each reader; empty where there are too few of either."""
    parts = rows_by_reader(row for row in rows if row.task == task)
    said = (_halves_words(some, task, f" by {reader}" if reader else "") for reader, some in parts.items())
    return " ".join(filter(None, said))


def _halves_words(rows: Sequence[Row], task: str, by: str) -> str:
    try:
        found = agreement(rows, task)
    except TooFewError:
        return ""
    between = numbers.interval(found.interval.low, found.interval.high)
    said = f"Two random halves of the {found.networks} networks agree on the order{by} with a Kendall's tau of {found.tau:.2f} ({between})"
    if found.tau >= WANTED:
        return f"{said}."
    needed = f"about {rounded(found.needed)} networks in all would reach it" if found.needed else "no number of networks would reach it"
    return f"{said}; {WANTED:g} would be a stable order, and if this tau is the true one, {needed}."


def contested(ranked: Ranking, names: Names) -> frozenset[tuple[str, str]]:
    """Pairs of solvers (in the order of ``Ranking.pairs``) that one reader separates and another puts in reverse order."""
    return _agreement(ranked, names)[2]


def heading(ranked: Ranking, names: Names) -> str:
    """The heading of a ranking; one that rests on a single reader says so, and one on which readers disagree is none."""
    if contested(ranked, names):
        return f"No ranking on {ranked.task}: readers disagree"
    readers = {names.halves[one.summary.solver][1] for one in ranked.solvers} - {""}
    return f"Ranking on {ranked.task}{f' by one reader, {min(readers)}' if len(readers) == 1 else ''}"


def _agreement(ranked: Ranking, names: Names) -> tuple[int, int, frozenset[tuple[str, str]]]:
    """How many pairs of tools two readers order alike, how many two readers read, and the pairs that one separates and another reverses.

    What counts is the order on the networks that both readers were asked about: of other networks, another order is no contradiction.
    """
    by_reader: dict[str, dict[str, str]] = {}
    for one in ranked.solvers:
        tool, reader = names.halves[one.summary.solver]
        if reader:
            by_reader.setdefault(reader, {})[tool] = one.summary.solver
    alike = shared = 0
    opposed: set[tuple[str, str]] = set()
    for first, second in combinations(sorted(by_reader), 2):
        tools = sorted(by_reader[first].keys() & by_reader[second].keys())
        for tool, other in combinations(tools, 2):
            couples = [(by_reader[reader][tool], by_reader[reader][other]) for reader in (first, second)]
            pairs = [ranked.pair(*couple) for couple in couples]
            common = frozenset.intersection(*(frozenset(pair.networks) for pair in pairs))
            if not common:
                continue
            same = len({_ahead(pair, one, common) for pair, (one, _) in zip(pairs, couples, strict=True)}) == 1
            shared += 1
            alike += same
            opposed |= set() if same else {(pair.first, pair.second) for pair in pairs if pair.separated}
    return alike, shared, frozenset(opposed)


def _ahead(pair: PairTest, one: str, networks: frozenset[str]) -> bool:
    """Whether one solver of a pair is ahead of the other on those networks, of which there is one at least."""
    difference = pair.difference or 0.0
    if len(networks) < len(pair.networks):
        difference = fmean(mean for mean, name in zip(pair.means, pair.networks, strict=True) if name in networks)
    return (difference if pair.first == one else -difference) > 0


def _would(ranked: Ranking, names: Names) -> str:
    """How many networks would separate first from last, and first from second, of those that the first is compared with.

    The first is the first that is compared with another.
    """
    labels = labels_of(ranked, names)
    first = next(one.summary.solver for one in ranked.solvers if one.among > 1)
    rivals = [pair.second for pair in ranked.pairs.values() if pair.asked and pair.first == first]
    said = [(other, ranked.networks_for(ranked.pair(first, other))) for other in dict.fromkeys((*rivals[-1:], *rivals[:1]))]
    known = [f"about {rounded(needed)} for {labels(first)} and {labels(other)}" for other, needed in said if needed]
    if not known:
        pairs = numbers.count(ranked.asked, "pair")
        return f"How many would, these few do not say; for {pairs} the test needs at least {ranked.least_networks}."
    return f"If the observed differences are the true ones, more networks would: {', '.join(known)}."


def labels_of(ranked: Ranking, names: Names) -> Callable[[str], str]:
    """Solver to its short name: the tool alone, or with its reader where the ranking holds the tool twice or several readers."""
    solvers = tuple(one.summary.solver for one in ranked.solvers)
    return str if len({names.halves[solver][1] for solver in solvers} - {""}) > 1 else partial(names.label, among=solvers)


def tie_words(labels: Sequence[str]) -> str:
    """Names of solvers as a list, of which a long one is cut.

    >>> tie_words(["a", "b"]), tie_words(["a", "b", "c", "d", "e"])
    ('a and b', 'a, b, c and 2 more')
    """
    if len(labels) <= 4:
        return numbers.and_list(list(labels))
    return f"{', '.join(labels[:3])} and {len(labels) - 3} more"
