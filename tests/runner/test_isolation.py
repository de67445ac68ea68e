"""An isolated cell reads what it is handed and the installed packages, writes in one folder, and reaches nothing else."""

import json
import os
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tiny_world import named, suite_of

from onecurve.bench.running import run
from onecurve.core.errors import UsageError
from onecurve.core.image.trigger import Paste
from onecurve.flaws.planting.storage import load_case
from onecurve.flaws.zoo.manifest import FOLDER as ZOO
from onecurve.runner.engine.jobs import Job, Outcome, Trust
from onecurve.runner.engine.pool import Pool
from onecurve.runner.isolation.reach import open_but
from onecurve.runner.isolation.walls import NONE, Confinement, Isolation, Wanted
from onecurve.runner.run import Place, _note_isolation, run_suite
from onecurve.store.store import Store

FORBIDDEN = {
    "read what is hidden": "open({shut!r}).read()",
    "see whether something hidden is there": "os.stat({shut!r})",
    "list what is hidden": "os.listdir(os.path.dirname({shut!r}))",
    "open the weights of the zoo": "open({zoo!r}, 'rb')",
    "ask what is in the zoo": "importlib.import_module('onecurve.flaws.zoo.manifest').manifest('digits')",
    "list the temporary files of others": "os.listdir('/tmp')",
    "read the home folder": "os.listdir(os.path.expanduser('~'))",
    "write beside itself": "open({beside!r}, 'w')",
    "write into the packages": "open(os.path.join(os.path.dirname(numpy.__file__), 'new'), 'w')",
    "link to what is hidden and read": "os.symlink({shut!r}, tempfile.gettempdir() + '/a') or open(tempfile.gettempdir() + '/a')",
    "send a datagram": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', {port}))",
    "connect": "socket.create_connection(('127.0.0.1', {port}), 2)",
    "use an abstract socket": "socket.socket(socket.AF_UNIX).connect(chr(0) + {abstract!r})",
    "reach the server that has the rows": "socket.socket(socket.AF_UNIX).connect({rows!r})",
    "signal the one above": "os.kill(os.getppid(), 0)",
    "signal the process that keeps the rows": "os.kill({driver}, 0)",
    "read its environment": "open('/proc/{driver}/environ', 'rb').read()",
    "read its memory": "open('/proc/{driver}/mem', 'rb')",
    "follow it to its folder": "os.listdir('/proc/{driver}/cwd/')",
    "use its descriptors": "open('/proc/{driver}/fd/1', 'rb')",
    "leave through a program": "subprocess.run(['cat', {shut!r}], check=True, stderr=subprocess.DEVNULL)",
    "uncover what is hidden": "[ctypes.CDLL(None).umount2(os.path.dirname(os.path.dirname({shut!r})).encode(), 2), open({shut!r})]",
    "mount": "ctypes.CDLL(None).mount(b'/', tempfile.gettempdir().encode(), None, 4096, None) and open({shut!r})",
    "join the network of another": "os.open('/proc/{driver}/ns/net', os.O_RDONLY)",
    "read the keyboard": "len(sys.stdin.read(1)) or open({shut!r})",
}
ALLOWED = {
    "write a temporary file": "open(tempfile.mkdtemp() + '/file', 'w').write('x')",
    "read what lies beside its file": "assert open(os.path.join(os.path.dirname(__file__), 'weights')).read() == 'mine'",
    "import what lies beside its file": "sys.path.insert(0, os.path.dirname(__file__)) or __import__('beside')",
    "import a package": "importlib.import_module('sklearn.cluster')",
    "open a package's data": "importlib.import_module('sklearn.datasets').load_digits()",
    "hold a queue of its own processes": "multiprocessing.get_context('spawn').SimpleQueue().put(1)",
    "share memory with a name": "__import__('multiprocessing.shared_memory').shared_memory.SharedMemory(create=True, size=9).unlink()",
    "share memory with its own processes": "multiprocessing.get_context('fork').Queue().put(1)",
    "start a program": "subprocess.run([sys.executable, '-c', 'import numpy'], check=True)",
    "end its own process": "(child := subprocess.Popen(['sleep', '60'])) and child.kill()",
    "draw from the system": "secrets.token_hex(8)",
    "be who it was": "assert os.getuid() == {user}",
}
HEAD = (
    "import ctypes, importlib, multiprocessing, numpy, os, secrets, socket, subprocess, sys, tempfile, traceback\n"
    "from onecurve.core.errors import ContractError\n"
)


def isolation_here() -> Isolation:
    with Pool(1, Path(os.devnull), 400.0, Confinement(())) as pool:
        return pool.isolation()


@pytest.fixture(scope="module", autouse=True)
def _isolated() -> None:
    if not isolation_here().whole:
        pytest.skip("this system cannot isolate a cell")


@pytest.fixture
def listening() -> Iterator[tuple[int, str]]:
    """A port, for datagrams and connections, and an abstract socket at which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as there, socket.socket(socket.AF_UNIX) as abstract:
        name = f"onecurve-test-{os.getpid()}"
        abstract.bind(f"\0{name}")
        abstract.listen()
        yield there.getsockname()[1], name


def tried(tmp_path: Path, statements: Sequence[str], listening: tuple[int, str]) -> list[str]:
    """What becomes of each statement in one isolated cell: empty, or the error."""
    mine, shut = tmp_path / "mine", tmp_path / "run" / "sealed" / "truth"
    mine.mkdir()
    (tmp_path / "sockets").mkdir()
    shut.parent.mkdir(parents=True)
    shut.write_text("the truth")
    (mine / "weights").write_text("mine")
    (mine / "beside.py").write_text("")
    known = {
        "shut": str(shut),
        "beside": str(mine / "new"),
        "port": listening[0],
        "abstract": listening[1],
        "zoo": str(ZOO / "digits.safetensors"),
        "rows": str(tmp_path / "sockets" / ".s.PGSQL.5432"),
    }
    lines = [statement.format(**known, driver=os.getpid(), user=os.getuid()) for statement in statements]
    told = "\n".join(
        f"try:\n    {line}\n    said.append('')\nexcept BaseException as error:\n    said.append(type(error).__name__)" for line in lines
    )
    (mine / "tool.py").write_text(f"{HEAD}said = []\n{told}\nraise ContractError('|'.join(said))\nclass Tool: ...\n")
    job = Job(Trust.UNTRUSTED, "describe", {"address": f"{mine / 'tool.py'}:Tool"}, "try", key="try")
    found: list[Outcome] = []
    place = Place(tmp_path / "run", tmp_path / "cache", 1, store=f"postgresql:///rows?host={tmp_path / 'sockets'}")
    with Pool(1, tmp_path / "logs", 400.0, place.confinement) as pool, socket.socket(socket.AF_UNIX) as rows:
        rows.bind(known["rows"])
        rows.listen()
        pool.run([job], lambda job, outcome: found.append(outcome) or ())
    _, _, said = found[0].reason.rpartition("ContractError: ")
    assert said.count("|") == len(statements) - 1, found[0]
    return said.split("|")


def test_what_a_cell_has_no_business_with_is_closed(tmp_path: Path, listening: tuple[int, str]) -> None:
    said = tried(tmp_path, list(FORBIDDEN.values()), listening)
    assert [name for name, error in zip(FORBIDDEN, said, strict=True) if not error] == []


def test_what_honest_tools_do_still_works(tmp_path: Path, listening: tuple[int, str]) -> None:
    said = tried(tmp_path, list(ALLOWED.values()), listening)
    assert {name: error for name, error in zip(ALLOWED, said, strict=True) if error} == {}


def test_shared_memory_of_one_cell_is_gone_in_the_next(tmp_path: Path) -> None:
    jobs = []
    for number, program in enumerate(["open('/dev/shm/left', 'w').write('x')", "raise ContractError(str(os.listdir('/dev/shm')))"]):
        (tmp_path / f"tool{number}.py").write_text(f"{HEAD}{program}\nclass Tool: ...\n")
        jobs.append(Job(Trust.UNTRUSTED, "describe", {"address": f"{tmp_path / f'tool{number}.py'}:Tool"}, "try", key=str(number)))
    reasons: dict[str, str] = {}
    with Pool(1, tmp_path / "logs", 400.0, Confinement(())) as pool:
        pool.run(jobs, lambda job, outcome: reasons.update({job.key: outcome.reason}) or ())
    assert reasons["1"].endswith("ContractError: []")
    assert not Path("/dev/shm/left").exists()


def test_the_folder_of_a_tool_is_opened_without_runs_hidden_names_and_what_is_shut(tmp_path: Path) -> None:
    for name in ("tool.py", "package/part.py", ".secret/key", "old-run/results.sqlite", "runs/now/blobs/x", "runs/other/notes"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")
    found = open_but([tmp_path], [tmp_path / "runs" / "now"], dots=False)
    assert {str(path.relative_to(tmp_path)) for path in found.readable} == {"tool.py", "package", "runs/other"}
    assert set(found.listable) == {tmp_path, tmp_path / "runs"}


SEARCHES = """
import json, os, tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from onecurve import Access, Evidence, Picture, Text


@dataclass(frozen=True)
class Searches:
    name: ClassVar[str] = "searches"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "Searches every byte that it can read."
    source: ClassVar[str] = "test"
    needs: ClassVar[Access] = Access.QUERIES | Access.CLEAN_IMAGES
    shows: ClassVar[tuple[type, ...]] = (Picture, Text)
    needles: str = ""

    def look(self, brief, workbench):
        here = Path(self.needles)
        wanted = {name: bytes.fromhex(text) for name, text in json.loads(here.read_text()).items()}
        opened, found = 0, []
        for root in (*json.loads((here.parent / "roots.json").read_text()), tempfile.gettempdir()):
            for place, _, names in os.walk(root):
                for name in {*names} - {here.name}:
                    try:
                        content = (Path(place) / name).read_bytes()
                    except OSError:
                        continue
                    opened += 1
                    found += [(each, os.path.join(place, name)[-60:]) for each, needle in wanted.items() if needle in content]
        picture = Picture(workbench.subject.granted_clean().images[0].astype(np.float32) / 255)
        return Evidence((picture, Text(json.dumps({"opened": opened, "found": found[:20]}))))
"""


def test_no_byte_of_the_truth_lies_where_a_cell_can_reach(cache: Path, tmp_path: Path) -> None:
    out, mine = tmp_path / "out", tmp_path / "mine"
    mine.mkdir()
    (mine / "searches.py").write_text(SEARCHES)
    suite = suite_of("top-images@matcher", "oracle@matcher", tasks=("detect", "discover", "repair"))
    run_suite(suite, Place(out, cache, 2))
    with Store.read(out) as store:
        case = next(row.case for row in store.rows())
        subject = next(row.subject for row in store.rows())
        prepared = next(value for key, value in store.prepared().items() if key.startswith("case:"))
    truth = load_case(out / "networks" / subject, case).truth
    assert isinstance(truth.trigger, Paste)
    needles = {
        "words": truth.words.encode(),
        "pattern": np.ascontiguousarray(truth.trigger.patterns).tobytes(),
        "option": np.ascontiguousarray(truth.options[truth.right or 0].pictures).tobytes(),
        "oracle": prepared["tasks"]["discover"]["oracle"].encode(),
        "display": prepared["display"].encode(),
    }
    (mine / "needles.json").write_text(json.dumps({name: needle.hex() for name, needle in needles.items()}))
    (mine / "roots.json").write_text(json.dumps([str(tmp_path), str(cache)]))
    tool = f"{mine / 'searches.py'}:Searches[needles={mine / 'needles.json'}]"
    told = {}
    for isolation in (Wanted.AUTO, Wanted.OFF):
        folder = tmp_path / isolation.value
        run_suite(suite.changed({"solvers": (f"{tool}@matcher",)}), Place(folder, cache, 2, isolation=isolation))
        with Store.read(folder) as store:
            looks = [json.loads(store.record(look.evidence).pieces[-1].words) for look in store.looks().values() if look.evidence]
        told[isolation] = looks
    assert told[Wanted.AUTO], "no look succeeded"
    assert [look["found"] for look in told[Wanted.AUTO]] == [[]] * len(told[Wanted.AUTO])
    assert any(look["found"] for look in told[Wanted.OFF]), "the search finds the truth where nothing is closed"


def test_what_cannot_be_isolated_is_told_and_where_it_is_required_nothing_runs(cache: Path, tmp_path: Path) -> None:
    said: list[str] = []
    kept: dict[str, object] = {}
    store = SimpleNamespace(noted=kept.get, note=lambda name, value, anew: kept.update({name: value}))
    partly = Isolation(files=True, names=True, network=False, processes=True)
    session = SimpleNamespace(engine=SimpleNamespace(isolation=lambda: partly), store=store, display=SimpleNamespace(say=said.append))
    _note_isolation(session, Place(tmp_path, cache, 1))
    assert said == ["partly isolated: nothing keeps a cell from the network"]
    assert kept == {"isolation": said}
    with pytest.raises(UsageError, match="isolation is required"):
        _note_isolation(session, Place(tmp_path, cache, 1, isolation=Wanted.REQUIRED))
    assert "ground truth" in NONE.words


def test_the_report_and_the_terminal_say_that_nothing_was_isolated(tmp_path: Path) -> None:
    done = run(suite_of(*named("Uniform")), tmp_path / "out", isolation="off", jobs=1)
    assert "not isolated" in done.page.read_text()
