"""What all tests share: one thread per process, and trained networks kept once for all worker processes of a session."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from postgres_server import NoServerError, PostgresServer
from s3_server import s3_server

# Before torch is imported. Several test processes with several spinning threads each would wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# The same examples every time, and no failure because a machine is busy.
settings.register_profile("repeatable", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of trained networks, keyed by content, that the workers of pytest-xdist share; a new one for each session."""
    base = tmp_path_factory.getbasetemp()
    session = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = session / "trained-networks"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server of PostgreSQL for all tests of a process; each uses a schema of its own."""
    try:
        server = PostgresServer.started()
    except NoServerError as error:
        pytest.skip(str(error))
    yield server
    server.remove()


@pytest.fixture(scope="session")
def bucket() -> Iterator[str]:
    """The URL of a bucket on a server of S3 for all tests of a process; each uses a prefix of its own."""
    with s3_server() as url:
        yield url
