"""Runs a person's own Python file as that person would: with its neighbours importable and with no arguments on its command line.

The file runs in this process. It may raise anything and may try to exit; both come back as a ``UsageError`` that names the file.
"""

import ast
import contextlib
import hashlib
import importlib.util
import inspect
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from onecurve.core.errors import UnknownNameError, UsageError

RUN_ALONE = 'put what reads the command line or exits under `if __name__ == "__main__":`'


def load_from_file(place: str) -> Any:
    """The attribute of `path.py:Name`; raises ``UsageError`` with what is wrong."""
    path_text, _, attribute = place.rpartition(":")
    path = Path(path_text)
    if not path.is_file():
        raise UsageError(f"no such file: {path}", "write path/to/file.py:Name")
    module = _module_of(path)
    if not hasattr(module, attribute):
        own = [name for name, value in vars(module).items() if not name.startswith("_") and _is_of(module, value)]
        raise UnknownNameError.among(f"object in {path}", attribute, own)
    return getattr(module, attribute)


@contextlib.contextmanager
def as_if_run(path: Path) -> Iterator[None]:
    """Inside the block ``sys.argv`` names the file alone, and what lies beside the file can be imported."""
    folder = str(path.resolve().parent)
    _forget_strangers(Path(folder))
    arguments, places = sys.argv, list(sys.path)
    sys.argv, sys.path[:0] = [str(path)], [folder]
    try:
        yield
    finally:
        sys.argv = arguments
        # The file may have added places of its own, which stay.
        if folder in sys.path and folder not in places:
            sys.path.remove(folder)


def files_of(path: Path) -> tuple[Path, ...]:
    """The file and all files beside it, or in packages beside it, that it imports, directly or not; in the order of their paths.

    They are found by reading, not by running; a file that is no Python is taken alone.
    """
    found: set[Path] = set()
    wanted = [path]
    while wanted:
        file = wanted.pop()
        if file not in found:
            found.add(file)
            wanted += [beside for name in _imported(file) for beside in _beside(path.parent, name)]
    return (path, *sorted(found - {path}))


def _is_of(module: ModuleType, value: object) -> bool:
    """Whether a value is the module's own: neither a module nor a class or function that it imports."""
    if inspect.isclass(value) or inspect.isroutine(value):
        return getattr(value, "__module__", None) == module.__name__
    return not isinstance(value, ModuleType)


def _module_of(path: Path) -> ModuleType:
    # The name depends on the place and the content, so that an edited file, or one beside an edited file, is read anew in a live process.
    files = files_of(path)
    digest = hashlib.sha256(str(path.resolve()).encode() + b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
    name = f"onecurve_file_{path.stem}_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"not a Python file: {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    beside = {file.resolve() for file in files[1:]}
    _forget([other for other in sys.modules if beside and _origin(other) in beside])
    said = io.StringIO()
    try:
        # A file that reads the command line would print a usage text of its own.
        with contextlib.redirect_stderr(said), as_if_run(path):
            spec.loader.exec_module(module)
    except KeyboardInterrupt:
        del sys.modules[name]
        raise
    except SystemExit as error:
        del sys.modules[name]
        raise UsageError(f"{path} ends the program when it is imported: {ending(error, said.getvalue())}", RUN_ALONE) from error
    except BaseException as error:
        del sys.modules[name]
        raise UsageError(f"{path} does not import: {type(error).__name__}: {error}") from error
    sys.stderr.write(said.getvalue())
    return module


def ending(error: SystemExit, said: str) -> str:
    """Why a program ended: what it was told to say, or the last line that it said, or its code."""
    lines = said.strip().splitlines()
    return lines[-1] if isinstance(error.code, int) and error.code and lines else str(error.code)


def _forget_strangers(folder: Path) -> None:
    """Forget modules that have the name of a neighbour in the folder and come from beside another file, which is out of reach by now."""
    reachable = {Path(place).resolve() for place in sys.path}
    for name in [name for name in sys.modules if "." not in name and _beside(folder, name)]:
        origin = _origin(name)
        if origin is not None:
            home = origin.parent.parent if origin.name == "__init__.py" else origin.parent
            if home != folder and home not in reachable:
                _forget([inner for inner in sys.modules if inner == name or inner.startswith(f"{name}.")])


def _forget(names: list[str]) -> None:
    for name in names:
        del sys.modules[name]


def _origin(name: str) -> Path | None:
    file = getattr(sys.modules[name], "__file__", None)
    return Path(file).resolve() if file else None


def _imported(file: Path) -> set[str]:
    """The first parts of the names of all modules that a file imports."""
    try:
        tree = ast.parse(file.read_bytes() if file.suffix == ".py" else b"")
    except (SyntaxError, ValueError, OSError):
        return set()
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module and not node.level]
    return {name.partition(".")[0] for name in names}


def _beside(folder: Path, name: str) -> list[Path]:
    """The files of the module of that name in the folder: one file, or all of a package; none where there is no such module."""
    package = folder / name
    if (package / "__init__.py").is_file():
        return sorted(package.rglob("*.py"))
    file = folder / f"{name}.py"
    return [file] if file.is_file() else []
