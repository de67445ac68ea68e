"""A walk over everything that can be reached from an object, and players that take it from what a worker hands them."""

import functools
import gc
import json
import types
import weakref
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from onecurve.core.access import Access
from onecurve.core.answer import Abstain, Answer
from onecurve.core.evidence import ClassScores, Evidence, Pieces
from onecurve.core.question import Brief, Form, Forms, Question, Weigh
from onecurve.core.workbench import Workbench

ENDS = (type, types.ModuleType, str, bytes, bytearray, int, float, complex, type(None))
"""What leads nowhere: what a class or a module holds is there for every process, and not what somebody was handed."""


@dataclass(frozen=True)
class Reached:
    """What was found on a walk."""

    words: set[str] = field(default_factory=set)
    types: set[str] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)
    """`Type.attribute` of every attribute that is not None."""
    content: list[bytes] = field(default_factory=list)
    """The memory of every array, whole even where only a part of it is looked at."""


def reached(root: object) -> Reached:
    """Walk over attributes, slots, containers, arrays and what they are views of, closures, defaults and bound objects."""
    found, seen, ahead = Reached(), {}, deque([root])
    while ahead:
        thing = ahead.popleft()
        if id(thing) in seen:
            continue
        seen[id(thing)] = thing  # kept, so that no id is used twice
        found.types.add(type(thing).__name__)
        if isinstance(thing, str | bytes | bytearray):
            found.words.add(thing if isinstance(thing, str) else thing.decode("latin-1"))
        if isinstance(thing, np.ndarray):
            found.content.append(np.ascontiguousarray(thing).tobytes())
        if isinstance(thing, torch.Tensor):
            found.content.append(bytes(thing.detach().cpu().untyped_storage()))
        if not isinstance(thing, ENDS):
            named = dict(_attributes(thing))
            found.attributes.update(f"{type(thing).__name__}.{name}" for name, value in named.items() if value is not None)
            ahead.extend([*named, *named.values(), *_inside(thing)])
    return found


def _attributes(thing: object) -> Iterator[tuple[str, object]]:
    yield from getattr(thing, "__dict__", {}).items()
    for kind in type(thing).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            mangled = f"_{kind.__name__.lstrip('_')}{name}" if name.startswith("__") and not name.endswith("__") else name
            if hasattr(thing, mangled):
                yield mangled, getattr(thing, mangled)


def _inside(thing: object) -> Iterator[object]:
    if isinstance(thing, Mapping):
        yield from [*thing.keys(), *thing.values()]
    elif isinstance(thing, list | tuple | set | frozenset | deque):
        yield from thing
    elif isinstance(thing, np.ndarray):
        yield thing.base
        yield from thing.ravel() if thing.dtype == object else ()
    elif isinstance(thing, torch.Tensor):
        yield from (thing.grad if thing.is_leaf else None, thing._base)
    elif isinstance(thing, types.FunctionType):
        yield from (thing.__defaults__, thing.__kwdefaults__)
        yield from (cell.cell_contents for cell in thing.__closure__ or () if cell != types.CellType())
    elif isinstance(thing, types.MethodType | types.BuiltinMethodType | types.MethodWrapperType):
        yield from (thing.__self__, getattr(thing, "__func__", None))
    elif isinstance(thing, functools.partial):
        yield from (thing.func, thing.args, thing.keywords)
    elif isinstance(thing, types.GeneratorType):
        yield dict(thing.gi_frame.f_locals) if thing.gi_frame else None
    elif isinstance(thing, weakref.ref | Iterator):
        yield from gc.get_referents(thing) if isinstance(thing, Iterator) else (thing(),)


def _noted(out: str, name: str, workbench: Workbench, *things: object) -> None:
    # By subject, for tools look at clean reference networks too.
    found, folder = reached((workbench, *things)), Path(out) / workbench.subject.id
    folder.mkdir(parents=True, exist_ok=True)
    words = {"words": sorted(found.words), "types": sorted(found.types), "attributes": sorted(found.attributes)}
    (folder / f"{name}.json").write_text(json.dumps(words))
    (folder / f"{name}.bin").write_bytes(b"|".join(found.content))


@dataclass(frozen=True)
class _Player:
    """Notes in a folder of ``out`` what it can reach."""

    out: str = ""

    version: ClassVar[int] = 1
    summary: ClassVar[str] = "for tests"
    source: ClassVar[str] = "tests"
    needs: ClassVar[Access] = Access.NONE
    shows: ClassVar[Pieces] = (ClassScores,)
    reads: ClassVar[Pieces] = (ClassScores,)


@dataclass(frozen=True)
class WalkingTool(_Player):
    name: ClassVar[str] = "walking-tool"

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        told = "blind" if brief.target is None else "told" if brief.suspects is None else "suspects"
        _noted(self.out, f"{told}-look", workbench, brief)
        return Evidence((ClassScores(np.zeros(workbench.subject.classes, np.float32)),))


@dataclass(frozen=True)
class WalkingReader(_Player):
    name: ClassVar[str] = "walking-reader"
    answers: ClassVar[Forms] = (Form.CLASSES, Form.LINEUP, Form.PIXELS, Form.OUTCOMES, Form.REPAIR)

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        _noted(self.out, f"{question.form}-read", workbench, question, evidence)
        if isinstance(question, Weigh):
            _noted(self.out, f"{question.form}-bench", workbench)
        return Abstain("walked")


@dataclass(frozen=True)
class WalkingSolver(_Player):
    name: ClassVar[str] = "walking-solver"
    answers: ClassVar[Forms] = (Form.REPAIR,)

    def answer(self, question: Question, workbench: Workbench) -> Answer:
        _noted(self.out, f"{question.form}-answer", workbench, question)
        _noted(self.out, f"{question.form}-bench", workbench)
        return Abstain("walked")
