"""The contract checker: what we ask of every tool, reader and solver, ours and others', on a toy, in seconds."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, final

import torch

from onecurve.core.access import Access
from onecurve.core.answer import Abstain, Rebuilt, checked
from onecurve.core.codec import decode, digest, encode
from onecurve.core.errors import OneCurveError
from onecurve.core.evidence import Evidence
from onecurve.core.question import Brief, Question
from onecurve.core.spec import spec_of
from onecurve.core.workbench import OVERDRAFT, Workbench
from onecurve.models.network import TorchNetwork, torch_module
from onecurve.runner.commands.check_fixtures import Toy
from onecurve.runner.handlers.untrusted import find
from onecurve.tasks.catalog import TASKS

BUDGETS = (200.0, 1000.0)
BATCH = 512
"""A pass may start while budget is left, so the last batch may cross the line by this many examples."""

FACTS: Mapping[str, type] = {"name": str, "version": int, "summary": str, "source": str, "needs": Access, "tasks": tuple}


@final
@dataclass(frozen=True)
class Finding:
    """One promise and whether it was kept."""

    check: str
    passed: bool
    detail: str = ""


Act = Callable[[Workbench], object]
Check = tuple[str, Callable[[], str]]
"""What is promised, and a trial that returns the fault in words, empty if the promise is kept."""


def check_address(address: str) -> tuple[Finding, ...]:
    """All findings for a name or `path.py:Class`; raises ``UsageError`` if it cannot be found or built."""
    kind, thing = find(address)
    return check_thing(kind, thing)


def check_thing(kind: str, thing: Any) -> tuple[Finding, ...]:
    """All findings for a `tool`, `reader` or `solver`."""
    facts = [_tried(f"states `{name}`", partial(_states, thing, name)) for name in FACTS]
    facts.append(_tried("can be named, stored and built again", partial(_rebuilds, thing)))
    if not all(finding.passed for finding in facts):
        return tuple(facts)
    checks = {"tool": _tool_checks, "reader": _reader_checks, "solver": _solver_checks}[kind](thing, Toy.make())
    return (*facts, *(_tried(words, trial) for words, trial in checks))


def _tried(words: str, trial: Callable[[], str]) -> Finding:
    try:
        fault = trial()
    except OneCurveError as error:
        fault = error.message
    except Exception as error:  # noqa: BLE001 - an author's code may raise anything; it is the finding
        fault = f"raised {type(error).__name__}: {error}"
    return Finding(words, not fault, fault)


def _states(thing: Any, name: str) -> str:
    value = getattr(type(thing), name, None)
    if not isinstance(value, FACTS[name]):
        return f"wanted {FACTS[name].__name__} at class level, got: {value!r}"
    if name == "tasks" and isinstance(value, tuple):
        unknown = [str(task) for task in value if task not in TASKS.names()]
        return f"no such task: {', '.join(unknown)}" if unknown else "" if value else "no task"
    return ""


def _rebuilds(thing: Any) -> str:
    again = replace(thing)
    return "" if spec_of(again).key == spec_of(thing).key and again == thing else "a copy with the same parameters differs"


def _tool_checks(thing: Any, toy: Toy) -> Iterator[Check]:
    dependent = getattr(type(thing), "task_dependent", False)
    for task, brief in _briefs(thing, toy):
        act = partial(thing.look, task, brief)
        yield f"shows evidence for {task}", partial(_shows, toy, brief, act)
        yield f"shows the same again for {task} with the same seed", partial(_same_looks, toy, (act, act))
        if not dependent:
            others = tuple(partial(thing.look, other, brief) for other in type(thing).tasks)
            yield f"shows the same whatever the task, given the brief of {task}", partial(_same_looks, toy, others)
        for budget in BUDGETS:
            yield f"keeps a budget of {budget:g} for {task}", partial(_within, toy, budget, act)
        yield f"leaves the network as it was for {task}", partial(_untouched, toy, act)


def _reader_checks(thing: Any, toy: Toy) -> Iterator[Check]:
    for task, question in _questions(thing, toy):
        for words, evidence in (("evidence", toy.evidence()), ("nothing", Evidence())):
            yield f"answers {task} from {words}", partial(_answers, toy, question, partial(_read, thing, task, question, evidence))
        act = partial(_read, thing, task, question, toy.evidence())
        yield f"answers {task} the same again with the same seed", partial(_same_answers, toy, question, act)


def _read(thing: Any, task: str, question: Question, evidence: Evidence, workbench: Workbench) -> object:
    given: object = thing.read(task, question, evidence, workbench.for_reading(question))
    return given


def _solver_checks(thing: Any, toy: Toy) -> Iterator[Check]:
    for task, question in _questions(thing, toy):
        act = partial(thing.answer, task, question)
        yield f"answers {task}", partial(_answers, toy, question, act)
        yield f"answers {task} the same again with the same seed", partial(_same_answers, toy, question, act)
        yield f"keeps a budget of {BUDGETS[1]:g} for {task}", partial(_within, toy, BUDGETS[1], act)
        yield f"leaves the network as it was for {task}", partial(_untouched, toy, act)


def _briefs(thing: Any, toy: Toy) -> Iterator[tuple[str, Brief]]:
    seen = set()
    for task, question in toy.questions(1).items():
        if task in type(thing).tasks and digest(question.brief) not in seen:
            seen.add(digest(question.brief))
            yield task, question.brief


def _questions(thing: Any, toy: Toy) -> list[tuple[str, Question]]:
    size = toy.workbench(0.0, 0).subject.granted_network().size()
    return [(task, question) for task, question in toy.questions(size).items() if task in type(thing).tasks]


def _shows(toy: Toy, brief: Brief, act: Act) -> str:
    evidence = act(toy.workbench(BUDGETS[1], 0))
    if not isinstance(evidence, Evidence):
        return f"`look` must return Evidence, got: {type(evidence).__name__}"
    if digest(decode(*encode(evidence))) != digest(evidence):
        return "the evidence is not the same after storing"
    items = {piece.item for piece in evidence.heat_maps()}
    if brief.suspects is not None and not items <= set(range(len(brief.suspects))):
        return f"heat maps name items that are not there: {sorted(items)}"
    return ""


def _same_looks(toy: Toy, acts: Sequence[Act]) -> str:
    digests = {digest(act(toy.workbench(BUDGETS[1], 7))) for act in acts}
    return "" if len(digests) == 1 else "the evidence differs"


def _within(toy: Toy, budget: float, act: Act) -> str:
    workbench = toy.workbench(budget, 0)
    act(workbench)
    spent = workbench.meter.equivalents
    return "" if spent <= budget * OVERDRAFT + 3 * BATCH else f"spent {spent:.0f} forward-equivalents"


def _untouched(toy: Toy, act: Act) -> str:
    workbench = toy.workbench(BUDGETS[1], 0)
    module = torch_module(workbench.subject)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    act(workbench)
    after = module.state_dict()
    changed = [name for name, value in before.items() if not torch.equal(value, after[name])]
    return f"these tensors changed: {', '.join(changed[:3])}" if changed else ""


def _answers(toy: Toy, question: Question, act: Act) -> str:
    answer = checked(question, act(toy.workbench(BUDGETS[1], 0)))
    return "abstains without a reason" if isinstance(answer, Abstain) and not answer.reason else ""


def _same_answers(toy: Toy, question: Question, act: Act) -> str:
    first, second = (checked(question, act(toy.workbench(BUDGETS[1], 7))) for _ in range(2))
    if not isinstance(first, Rebuilt) or not isinstance(second, Rebuilt):
        return "" if digest(first) == digest(second) else "the answers differ"
    states = [given.network.module.state_dict() for given in (first, second) if isinstance(given.network, TorchNetwork)]
    if len(states) != 2:
        return "a solver must hand back a TorchNetwork"
    same = states[0].keys() == states[1].keys() and all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    return "" if same else "the networks differ"
