"""The contract of tools, readers and solvers, tried on the toy cases of the tasks that they can serve."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch

from onecurve.core.answer import Abstain, Rebuilt, checked
from onecurve.core.codec import decode, digest, encode
from onecurve.core.evidence import Evidence, Pieces
from onecurve.core.evidence_limits import require_within_limits
from onecurve.core.question import Brief
from onecurve.core.roles import TOLD, Task, serves
from onecurve.core.workbench import OVERDRAFT, Workbench
from onecurve.models.network import TorchNetwork, torch_module
from onecurve.readers.catalog import READERS
from onecurve.runner.commands.checks.findings import Check
from onecurve.runner.commands.checks.fixtures import Posed, of_size, posed

BUDGETS = (200.0, 1000.0)
BATCH = 512
"""A pass may start while budget is left, so the last batch may cross the line by this many examples."""

Act = Callable[[Workbench], object]


def tool_checks(tool: Any, extra: Sequence[Task]) -> Iterator[Check]:
    """For each different brief of the tasks that can use the tool; a fault where there is none."""
    asked = list(_briefed(tool, extra))
    if not asked:
        yield "is of use to some task", lambda: "no task's brief tells what it needs; name your task with --task FILE.py:CLASS"
    for toy in asked:
        act, about = partial(tool.look, toy.question.brief), f"for {toy.name}"
        yield f"shows evidence {about}", partial(_shows, toy, type(tool).shows, act)
        yield f"shows the same again with the same seed {about}", partial(_same_looks, toy, act)
        for budget in BUDGETS:
            yield f"keeps a budget of {budget:g} {about}", partial(_within, toy, budget, act)
        yield f"leaves the network as it was {about}", partial(_untouched, toy, act)


def reader_checks(reader: Any, extra: Sequence[Task]) -> Iterator[Check]:
    """For each task whose form of question the reader answers; a fault where there is none."""
    asked = list(_answerable(reader, extra))
    if not asked:
        yield "answers what some task asks", lambda: _no_task(reader)
    for toy in asked:
        shown = toy.evidence()
        for words, evidence in (("evidence", shown), ("nothing", Evidence())):
            yield f"answers {toy.name} from {words}", partial(_answers, toy, partial(_read, reader, toy, evidence))
        yield f"answers {toy.name} the same again with the same seed", partial(_same_answers, toy, [partial(_read, reader, toy, shown)] * 2)
        stated = Evidence(tuple(piece for piece in shown.pieces if isinstance(piece, type(reader).reads)))
        acts = [partial(_read, reader, toy, shown), partial(_read, reader, toy, stated)]
        yield f"uses no piece for {toy.name} that `reads` does not state", partial(_same_answers, toy, acts)


def solver_checks(solver: Any, extra: Sequence[Task]) -> Iterator[Check]:
    """For each task whose form of question the solver answers; a fault where there is none."""
    asked = list(_answerable(solver, extra))
    if not asked:
        yield "answers what some task asks", lambda: _no_task(solver)
    for toy in asked:
        act = partial(solver.answer, toy.question)
        yield f"answers {toy.name}", partial(_answers, toy, act)
        yield f"answers {toy.name} the same again with the same seed", partial(_same_answers, toy, [act, act])
        yield f"keeps a budget of {BUDGETS[1]:g} for {toy.name}", partial(_within, toy, BUDGETS[1], act)
        yield f"leaves the network as it was for {toy.name}", partial(_untouched, toy, act)


def pair_checks(both: Any, extra: Sequence[Task]) -> Iterator[Check]:
    """For each task that a class can serve as tool and reader in one; a fault where there is none."""
    told = {toy.name for toy in posed(extra) if not type(both).needs & TOLD & ~toy.task.tells}
    asked = [toy for toy in _answerable(both, extra) if toy.name in told]
    if set(type(both).shows).isdisjoint(type(both).reads) or not asked:
        yield "reads what it shows", lambda: "it reads no piece that it shows, or no task that it answers tells what it needs"
    for toy in asked:
        act = partial(_look_and_read, both, toy)
        yield f"answers {toy.name} from what it shows", partial(_answers, toy, act)


def _briefed(tool: Any, extra: Sequence[Task]) -> Iterator[Posed]:
    """One per different brief, of the tasks whose usual reader reads what the tool shows; else of all that tell what it needs."""
    told = [toy for toy in posed(extra) if not type(tool).needs & TOLD & ~toy.task.tells]
    served = [toy for toy in told if _usually_read(type(tool).shows, toy.task)]
    seen: set[str] = set()
    for toy in served or told:
        if digest(toy.question.brief) not in seen:
            seen.add(digest(toy.question.brief))
            yield toy


def _usually_read(shows: Pieces, task: Task) -> bool:
    return bool(task.usual_reader) and serves(TOLD & ~TOLD, shows, READERS.load(task.usual_reader).reads, task.tells)


def _answerable(thing: Any, extra: Sequence[Task]) -> Iterator[Posed]:
    for toy in posed(extra):
        if toy.task.form in type(thing).answers:
            yield of_size(toy, toy.workbench(0.0, 0).subject.granted_network().size())


def _no_task(thing: Any) -> str:
    forms = ", ".join(type(thing).answers) or "none"
    return f"no task asks a question of a form that it answers ({forms}); name your task with --task FILE.py:CLASS"


def _read(reader: Any, toy: Posed, evidence: Evidence, workbench: Workbench) -> object:
    given: object = reader.read(toy.question, evidence, workbench.for_reading(toy.question))
    return given


def _look_and_read(both: Any, toy: Posed, workbench: Workbench) -> object:
    return _read(both, toy, both.look(toy.question.brief, workbench), workbench)


def _shows(toy: Posed, shows: Pieces, act: Act) -> str:
    evidence = act(toy.workbench(BUDGETS[1], 0))
    if not isinstance(evidence, Evidence):
        return f"`look` must return Evidence, got: {type(evidence).__name__}"
    unstated = sorted({type(piece).__name__ for piece in evidence.pieces if not isinstance(piece, shows)})
    if unstated:
        return f"`shows` does not state what it showed: {', '.join(unstated)}"
    require_within_limits(evidence, toy.case.subject, toy.question.brief)
    if digest(decode(*encode(evidence))) != digest(evidence):
        return "the evidence is not the same after storing"
    return _strangers(toy.question.brief, evidence)


def _strangers(brief: Brief, evidence: Evidence) -> str:
    items = {piece.item for piece in evidence.heat_maps()}
    known = set(range(0 if brief.suspects is None else len(brief.suspects)))
    return "" if items <= known else f"heat maps name items that are not there: {sorted(items - known)}"


def _same_looks(toy: Posed, act: Act) -> str:
    digests = {digest(act(toy.workbench(BUDGETS[1], 7))) for _ in range(2)}
    return "" if len(digests) == 1 else "the evidence differs"


def _within(toy: Posed, budget: float, act: Act) -> str:
    workbench = toy.workbench(budget, 0)
    act(workbench)
    spent = workbench.meter.equivalents
    return "" if spent <= budget * OVERDRAFT + 3 * BATCH else f"spent {spent:.0f} forward-equivalents"


def _untouched(toy: Posed, act: Act) -> str:
    workbench = toy.workbench(BUDGETS[1], 0)
    module = torch_module(workbench.subject)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    act(workbench)
    after = module.state_dict()
    changed = [name for name, value in before.items() if not torch.equal(value, after[name])]
    return f"these tensors changed: {', '.join(changed[:3])}" if changed else ""


def _answers(toy: Posed, act: Act) -> str:
    answer = checked(toy.question, act(toy.workbench(BUDGETS[1], 0)))
    return "abstains without a reason" if isinstance(answer, Abstain) and not answer.reason else ""


def _same_answers(toy: Posed, acts: Sequence[Act]) -> str:
    first, second = (checked(toy.question, act(toy.workbench(BUDGETS[1], 7))) for act in acts)
    if not isinstance(first, Rebuilt) or not isinstance(second, Rebuilt):
        return "" if digest(first) == digest(second) else "the answers differ"
    states = [given.network.module.state_dict() for given in (first, second) if isinstance(given.network, TorchNetwork)]
    if len(states) != 2:
        return "a solver must hand back a TorchNetwork"
    same = states[0].keys() == states[1].keys() and all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    return "" if same else "the networks differ"
