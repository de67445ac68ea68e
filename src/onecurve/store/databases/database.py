"""The promise of a database: what the store asks of it, and all that the store knows of it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from onecurve.store.row_digests import Checked

T = TypeVar("T")


class Database(Protocol):
    """The tables of one run (see ``tables``), opened for reading, or for writing by one process at a time."""

    @property
    def place(self) -> str:
        """What messages call it; holds no password."""
        ...

    @property
    def large(self) -> bool:
        """Whether it had more rows than are checked when it is opened: then each is checked as it is read."""
        ...

    def write(self, work: Callable[[Connection], T]) -> T:
        """Do ``work`` in one transaction, which takes place once or not at all. ``work`` may be called again after a lost connection.

        Raises ``UsageError`` where another program holds the database or another run took it over, ``OneCurveError`` where it cannot be
        reached any more.
        """
        ...

    def read(self, work: Callable[[Connection], T]) -> T:
        """Do ``work``, which changes nothing; it may be called again after a lost connection."""
        ...

    def reading(self) -> AbstractContextManager[Connection]:
        """A connection for one long reading, such as a stream of rows; what is written meanwhile does not disturb it."""
        ...

    def check(self) -> Checked:
        """Compare every row with its digest, however many there are; raises ``DataError`` for what is no database any more."""
        ...

    def close(self) -> None:
        """Let go of it; a writer's lock is free then."""
        ...
