"""Rules of the code base that no linter knows."""

import ast
from pathlib import Path
from statistics import median

import pytest

from onecurve.flaws.catalog import FLAWS
from onecurve.readers.catalog import READERS
from onecurve.tasks.catalog import TASKS
from onecurve.tools.catalog import TOOLS

SOURCE = Path(__file__).parents[2] / "src" / "onecurve"
FILES = sorted(SOURCE.rglob("*.py"))
LONGEST = 400
MEDIAN = 140


def strings_in(file: Path) -> set[str]:
    """String constants, but for what says how text is decoded: the error handler `replace` is spelt like a task."""
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    handlers = {id(argument) for call in calls if getattr(call.func, "attr", "") in ("decode", "encode") for argument in call.args}
    handlers |= {id(keyword.value) for call in calls for keyword in call.keywords if keyword.arg == "errors"}
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in handlers}


@pytest.mark.parametrize("file", [file for file in FILES if "tasks" not in file.relative_to(SOURCE).parts], ids=lambda file: str(file.name))
def test_no_string_outside_tasks_names_a_task(file: Path) -> None:
    assert strings_in(file) & set(TASKS.names()) == set()


def test_files_are_short() -> None:
    lengths = {str(file.relative_to(SOURCE)): len(file.read_text(encoding="utf-8").splitlines()) for file in FILES}
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}
    assert median(lengths.values()) <= MEDIAN


def test_no_source_file_looks_like_a_test() -> None:
    assert [file.name for file in FILES if file.name.startswith("test_") or file.name.endswith("_test.py")] == []


@pytest.mark.parametrize("registry", [TOOLS, READERS, FLAWS, TASKS], ids=lambda registry: registry.kind)
def test_a_folder_of_entries_holds_entries_and_marked_machinery_only(registry) -> None:
    entries = {SOURCE.parent / f"{place.partition(':')[0].replace('.', '/')}.py" for place in registry.entries.values()}
    for folder in {entry.parent for entry in entries}:
        strangers = {file.name for file in folder.glob("*.py")} - {entry.name for entry in entries if entry.parent == folder}
        assert strangers <= {"__init__.py", "catalog.py"}, folder


EXTRAS = {
    "cryptography",
    "duckdb",
    "efficientnet_lite_pytorch",
    "fsspec",
    "junitparser",
    "onnx2torch",
    "psycopg",
    "pyarrow",
    "ray",
    "submitit",
}


def imported_at_once(file: Path) -> set[str]:
    """Packages that a file imports when it is itself imported; what only type checkers see is not."""
    found, left = set[str](), list[ast.AST](ast.parse(file.read_text(encoding="utf-8")).body)
    while left:
        node = left.pop()
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            left += node.orelse
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            left += ast.iter_child_nodes(node)
    return found


def test_extras_are_imported_only_where_they_are_asked_for() -> None:
    assert "sqlalchemy" in imported_at_once(SOURCE / "store" / "tables.py")
    at_once = {str(file.relative_to(SOURCE)): extras for file in FILES if (extras := imported_at_once(file) & EXTRAS)}
    assert at_once == {"store/spooling.py": {"pyarrow"}}  # itself imported only where Parquet is written
    assert not any("import spooled" in line and not line.startswith(" ") for file in FILES for line in file.read_text().splitlines())
