"""From a name, an address or an object to a tool, a reader, a solver or a task."""

from typing import Any

from onecurve.core.errors import ContractError, SpecError, UsageError
from onecurve.core.roles import Reader, Solver, Task, Tool, require_rebuilding
from onecurve.readers.catalog import READERS
from onecurve.runner.handlers.untrusted import STATED, find, roles_of
from onecurve.tasks.catalog import TASKS


def task_of(task: str | Task) -> Task:
    """A task by name, `name[parameter=value]` or `path.py:Class`, or the object itself; raises ``UsageError`` where there is none."""
    return TASKS.make(task) if isinstance(task, str) else task


def tool_of(tool: str | Tool) -> Tool:
    """A tool by name, address or as an object; raises ``UsageError`` for a reader or a solver."""
    found, made = _found(tool)
    if not isinstance(made, Tool):
        raise UsageError(f"`{type(made).__name__}` is a {found}, wanted: a tool")
    return made


def reader_of(reader: str | Reader) -> Reader:
    """A reader by name, address or as an object; raises ``UsageError`` for anything else."""
    found, made = _found(reader, "reader")
    if not isinstance(made, Reader):
        raise UsageError(f"`{type(made).__name__}` is a {found}, wanted: a reader")
    return made


def players(solver: str | Tool | Solver, reader: str | Reader | None, task: Task) -> tuple[Tool | Solver, Reader | None]:
    """The tool with the reader that answers for it, or a solver that hands back a network by itself.

    A tool may be written `tool@reader`. Without a reader the tool's own class reads where it has `read`, else the task's usual reader.
    Raises ``SpecError`` where they cannot answer, ``ContractError`` for a solver that would answer a Weigh question.
    """
    named = ""
    if isinstance(solver, str):
        solver, _, named = solver.partition("@")
    kind, thing = _found(solver)
    _require_facts(kind, thing)
    chosen = reader if reader is not None else named or None
    if kind == "solver":
        if chosen is not None:
            raise SpecError(f"`{thing.name}` hands back a network by itself and takes no reader")
        _require_form(thing, task)
        return thing, None
    if kind == "reader":
        raise SpecError(f"`{thing.name}` is a reader and cannot answer without a tool", f"write a tool before it: cppn@{thing.name}")
    if chosen is None and "reader" in roles_of(thing):
        _require_facts("reader", thing)
        chosen = thing
    return thing, _reader_for(thing, chosen, task)


def _reader_for(tool: Tool, chosen: str | Reader | None, task: Task) -> Reader:
    if chosen is None and not task.usual_reader:
        raise SpecError(f"`{type(task).name}` has no usual reader", "name one, or a solver that hands back a network")
    reader = reader_of(chosen if chosen is not None else task.usual_reader)
    _require_form(reader, task)
    if set(tool.shows).isdisjoint(reader.reads):
        shown, read = (", ".join(piece.__name__ for piece in pieces) for pieces in (tool.shows, reader.reads))
        raise SpecError(f"`{reader.name}` reads {read}, and `{tool.name}` shows {shown}", f"readers: {', '.join(READERS.names())}")
    return reader


def _require_facts(kind: str, thing: Any) -> None:
    lacking = [fact for fact in STATED[kind] if not hasattr(type(thing), fact)]
    if lacking:
        named = ", ".join(f"`{fact}`" for fact in lacking)
        raise ContractError(f"`{type(thing).__name__}` does not state {named} at class level", "`onecurve check` says what else it lacks")
    if kind == "solver":
        require_rebuilding(thing.name, type(thing).answers)


def _require_form(answering: Reader | Solver, task: Task) -> None:
    if task.form not in answering.answers:
        forms = ", ".join(answering.answers)
        raise SpecError(f"`{answering.name}` answers questions of form {forms}; `{type(task).name}` asks one of form {task.form}")


def _found(solver: str | Tool | Reader | Solver, wanted: str = "") -> tuple[str, Any]:
    if isinstance(solver, str):
        return find(solver, wanted)
    roles = roles_of(solver)
    if not roles:
        raise UsageError(f"an object of type `{type(solver).__name__}` has none of `look`, `read`, `answer`")
    return wanted if wanted in roles else roles[0], solver
