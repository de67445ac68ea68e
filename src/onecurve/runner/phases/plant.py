"""The planting phase: networks planted in parallel, each kept whole in the cache and copied into the run."""

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

from onecurve.core.digests import FILE, REMEDY, digest_of, faults, has_digests, write_digests
from onecurve.core.display import PlantRecord
from onecurve.core.errors import DataError, UsageError
from onecurve.core.row import joined_kinds
from onecurve.core.spec import content_key
from onecurve.flaws.planting import PLANTING
from onecurve.runner.engine.jobs import Job, Outcome, Trust
from onecurve.runner.networks import WantedNetwork, casings_of, distribution_of, population, wanted_networks
from onecurve.runner.phases.network_copies import fetch_network, is_network, send_network
from onecurve.runner.phases.planting_jobs import Order, built, planting_jobs
from onecurve.runner.session import Session
from onecurve.runner.suite import Networks
from onecurve.store.store import Store

RECORD = "planted.json"
DIGESTS = "digests:"
"""The store keeps under this and the name of a network the digest of its file of digests."""
FACTS, SAMPLED = "planting", "sampled"
"""Names under which the store keeps what there is to plant with, and which networks were drawn."""
FIRST = "0.1.0"
"""A run notes with its facts which version planted it (`PLANTING`); one that notes none was planted as by this one. It keeps the networks
that it has, and gets no others."""
TOLD = 6
"""Refusals that are told on the terminal, at most."""
TAKES = (
    "bring more images, or train longer or poison more: {recipe: {training: {epochs: …}}} and `patch[poison_rate=…]` in a copy of the suite"
)


@final
@dataclass(frozen=True)
class PlantedNetwork:
    """One network of the run."""

    wanted: WantedNetwork
    key: str
    cases: tuple[str, ...]
    effects: int = 0
    """Admitted flaws that have an effect."""
    wanted_population: Mapping[str, Any] = field(default_factory=dict)
    """What the networks of the run were to be."""
    classes: int = 0
    """Classes of its set."""

    @property
    def name(self) -> str:
        return self.wanted.name

    @property
    def flaws(self) -> tuple[str, ...]:
        return self.wanted.flaws

    @property
    def reference(self) -> bool:
        return self.wanted.reference

    @property
    def kinds(self) -> str:
        """All kinds planted in it, joined by `+`."""
        return joined_kinds(sorted({flaw.partition("[")[0] for flaw in self.flaws}))


def plant_all(session: Session) -> tuple[PlantedNetwork, ...]:
    """Plant every network of the suite that is not there yet; raises ``UsageError`` if none can be."""
    orders = _orders(session)
    _tell_of_unchecked(session, orders)
    missing = [order for order in orders if not _fetched(session, order)]
    hints: Sequence[str] = ()
    if missing:
        _require_this_version(session)
        hints = _plant(session, missing)
    planted = tuple(_planted(session, order) for order in orders if (session.network_folder(order.name) / RECORD).is_file())
    refusals = _refusals(session)
    if not any(network.cases for network in planted if not network.reference):
        if session.failures:
            raise UsageError(f"no network could be planted: {'; '.join(session.failures)}", "; ".join(hints))
        raise UsageError(f"no network could be planted: {refusals}", TAKES)
    if refusals:
        session.display.say(refusals)
    return planted


def _refusals(session: Session) -> str:
    """How many flaws were refused, and why; empty for none."""
    records = session.store.plants()
    refused = [f"{record.flaw} in {record.subject}: {record.reason}" for record in records if not record.admitted]
    more = [f"… and {len(refused) - TOLD} more"] if len(refused) > TOLD else []
    return "\n  ".join([f"{len(refused)} of {len(records)} plants were refused:", *refused[:TOLD], *more]) if refused else ""


def _orders(session: Session) -> tuple[Order, ...]:
    suite = session.suite
    wanted = wanted_networks(suite, _sampled(session), session.device)
    facts = _facts(session, wanted)
    flaws = facts["flaws"]
    controls = frozenset(flaw for flaw, about in flaws.items() if about["control"])
    known = population(wanted, controls)
    cased, orders = casings_of(wanted), []
    for network, about in zip(wanted, facts["recipes"], strict=True):
        casings, planted = cased[network.group], [flaws[flaw]["key"] for flaw in network.flaws]
        key = content_key(facts["planting"], about["key"], planted, network.seed, network.name, *([casings] if casings else []))
        orders.append(Order(network, key, known, about["classes"], controls, casings))
    return tuple(orders)


def _sampled(session: Session) -> list[Networks]:
    """The drawn networks; noted, so that a run that is gone on with keeps those it has."""
    some = session.suite.sampled
    if some is None:
        return []
    if SAMPLED not in session.store.prepared():
        arguments = {"distribution": distribution_of(some), "count": some.networks, "seed": session.suite.settled_seed}
        session.store.prepare(SAMPLED, session.ask(Trust.TRUSTED, "sample", "sample the networks", arguments)["networks"])
    return drawn_before(session.store)


def drawn_before(store: Store) -> list[Networks]:
    """The networks that the run of this store drew; none where its suite names them all."""
    return [Networks(**draw) for draw in store.prepared().get(SAMPLED, ())]


def _facts(session: Session, wanted: Sequence[WantedNetwork]) -> dict[str, Any]:
    """What there is to plant with; noted, so that a run that is gone on with keeps the networks that it has."""
    noted = session.store.prepared().get(FACTS)
    version = {"planting": PLANTING if noted is None else noted.get("planting", FIRST)}
    # A set or a network that is a file may have changed since, one that is drawn or built may not.
    if noted is not None and not any(":" in address for address in session.suite.addresses):
        return {**noted, **version}
    flaws = sorted({flaw for network in wanted for flaw in network.flaws})
    arguments = {"recipes": [dict(network.recipe) for network in wanted], "flaws": flaws}
    asked = session.ask(Trust.TRUSTED, "planting_facts", f"open the data {', '.join(sorted({n.data for n in wanted}))}", arguments)
    session.store.prepare(FACTS, {**asked, **version})
    session.store.note("own", asked["told"], anew=True)  # for the report
    for line in asked["told"]:
        session.display.say(line)
    return {**asked, **version}


def _require_this_version(session: Session) -> None:
    """Raise ``UsageError`` for a run of an earlier version that lacks networks: planted now, they would not be those that it began with."""
    version = session.store.prepared()[FACTS].get("planting", FIRST)
    if version != PLANTING:
        raise UsageError(
            f"{session.out} was begun by a version that planted as {version} does, and lacks networks; this one plants as {PLANTING} does",
            "finish it with that version, or start in another folder",
        )


def _plant(session: Session, missing: Sequence[Order]) -> Sequence[str]:
    """Plant them; returns what to do about those that could not be planted, each hint once."""
    hints = dict[str, None]()
    session.display.phase("plant", len(missing))
    orders = {order.name: order for order in missing}

    def done(job: Job, outcome: Outcome) -> Iterable[Job]:
        for one in built(job, outcome, orders):
            session.display.done(1, one.value is None)
            if one.value is None:
                session.unplanted[one.order.name] = one.reason
                hints.update({one.hint: None} if one.hint else {})
            else:
                _keep(session, one.order, one.value, one.folder)
        for words in (outcome.value or {}).get("healed", ()):
            session.display.say(words)
        return ()

    session.run(planting_jobs(missing, session.cache, session.device), done)
    _tell_of_unplanted(session)
    return tuple(hints)


def _tell_of_unplanted(session: Session) -> None:
    """Say which networks could not be planted, each reason once: it is often that of all."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in session.unplanted.items():
        by_reason.setdefault(reason, []).append(name)
    for reason, names in by_reason.items():
        words = f"{', '.join(sorted(names))} could not be planted: {reason}"
        session.failures.append(words)
        session.display.say(words)


def _keep(session: Session, network: Order, value: Any, built: Path) -> None:
    (built / RECORD).write_text(json.dumps({"cases": value["cases"], "records": value["records"]}))
    write_digests(built)
    kept = session.cache / "networks" / network.key
    kept.parent.mkdir(parents=True, exist_ok=True)
    try:
        built.rename(kept)
    except OSError:
        # Another process that shares the cache may have kept the same network first.
        if not (kept / RECORD).is_file():
            raise
        shutil.rmtree(built)
    _fetched(session, network)


def _fetched(session: Session, network: Order) -> bool:
    """Bring a network from the cache into the run; False if it is in neither."""
    here = session.network_folder(network.name)
    marker = here / "key"
    if marker.is_file():
        if marker.read_text(errors="ignore") == network.key:
            _require_intact(session, network)
            send_network(session.store.holdings.remote, network.key, here)
            return True
        raise UsageError(
            f"{session.out} holds networks of another suite, seed or version", "choose another folder with --out, or delete that one"
        )
    if not _whole_in_cache(session, network) and not _brought(session, network):
        return False
    _copied(session, network)
    return True


def _brought(session: Session, network: Order) -> bool:
    """Whether the remote place of the run had the network, which is in the cache then."""
    return fetch_network(session.store.holdings.remote, network.key, session.cache / "networks" / network.key)


def _whole_in_cache(session: Session, network: Order) -> bool:
    """Whether the cache has the network; a damaged one is taken out of it and planted again."""
    kept = session.cache / "networks" / network.key
    if not (kept / RECORD).is_file():
        return False
    noted = session.store.noted(f"{DIGESTS}{network.name}") if session.store.is_shared else None
    if not is_network(kept, noted) and _brought(session, network):
        return True
    found = faults(kept)
    if found:
        session.display.say(f"{found[0]}; {network.name} is planted again in place of {kept}")
        shutil.rmtree(kept)
    return not found


def _copied(session: Session, network: Order) -> None:
    here, kept = session.network_folder(network.name), session.cache / "networks" / network.key
    if session.store.is_shared and not is_network(kept, session.store.noted(f"{DIGESTS}{network.name}")):
        words = f"{network.name} was planted elsewhere with other weights than {kept}, as another processor gives them"
        raise DataError(words, "go on where it was planted, or give the run --blobs there, so that the network can be fetched")
    send_network(session.store.holdings.remote, network.key, kept)
    arriving = here.with_name(f".{here.name}")
    shutil.rmtree(arriving, ignore_errors=True)
    shutil.copytree(kept, arriving)
    (arriving / "key").write_text(network.key)
    shutil.rmtree(here, ignore_errors=True)
    arriving.rename(here)
    if has_digests(here):
        session.store.note(f"{DIGESTS}{network.name}", digest_of(here / FILE), anew=True)


def _require_intact(session: Session, network: Order) -> None:
    """Check a network of the run; raises ``DataError`` for a damaged one, unless the cache has the very same."""
    here, noted = session.network_folder(network.name), session.store.noted(f"{DIGESTS}{network.name}")
    found = network_faults(session.store, network.name, here)
    if not found:
        return
    kept = session.cache / "networks" / network.key
    if noted is None or not has_digests(kept) or digest_of(kept / FILE) != noted or not _whole_in_cache(session, network):
        raise DataError(found[0], REMEDY)
    _copied(session, network)
    session.display.say(f"{found[0]}; it is replaced by the same network from {kept}")


def network_faults(store: Store, name: str, here: Path) -> list[str]:
    """What is wrong with the files of a network of a run, one line each."""
    noted = store.noted(f"{DIGESTS}{name}")
    if noted is not None and not has_digests(here):
        return [f"a file is missing: {here / FILE}"]
    if noted is not None and digest_of(here / FILE) != noted:
        return faults(here) or [f"damaged: {here / FILE}"]
    return faults(here)


def _tell_of_unchecked(session: Session, orders: Sequence[Order]) -> None:
    """Say how many networks are there that an earlier version planted, which kept no digests."""
    places = [(session.network_folder(order.name), session.cache / "networks" / order.key) for order in orders]
    there = [next((place for place in pair if (place / RECORD).is_file()), None) for pair in places]
    unchecked = sum(place is not None and not has_digests(place) for place in there)
    if unchecked:
        session.display.say(
            f"{unchecked} of {len(orders)} networks were planted before digests were kept; they cannot be checked for damage"
        )


def _planted(session: Session, network: Order) -> PlantedNetwork:
    value = json.loads((session.network_folder(network.name) / RECORD).read_text())
    session.store.add_plants(network.name, [PlantRecord(**record) for record in value["records"]])
    records = zip(network.wanted.flaws, value["records"], strict=False)  # a network without flaws has a record all the same
    effects = sum(record["admitted"] and flaw not in network.controls for flaw, record in records)
    return PlantedNetwork(network.wanted, network.key, tuple(value["cases"]), effects, network.population, network.classes)
