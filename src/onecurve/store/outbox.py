"""Rows that wait until their blobs are in the remote place: blobs are copied side by side, rows are written one by one in their order."""

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Final, final

from sqlalchemy import Connection

from onecurve.core.errors import OneCurveError
from onecurve.store.databases.database import Database
from onecurve.store.holdings import Holdings

AT_ONCE: Final = 16
"""Rows whose blobs are copied side by side: a bucket takes many at a time, and each takes a while."""
MOST: Final = 256
"""Rows that wait at most; if the driver is killed, so many cells are done again."""

Work = Callable[[Connection], None]


@final
class Outbox:
    """Use ``add`` for rows that name blobs, and ``settle`` before anything is read."""

    def __init__(self, database: Database, holdings: Holdings) -> None:
        self._database = database
        self._holdings = holdings
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._waiting: deque[tuple[Future[None], Work]] = deque()

    def add(self, keys: Iterable[str], work: Work) -> None:
        """Have ``work`` done once these blobs are in the remote place, and what was added before is done."""
        self._waiting.append((self._pool.submit(self._holdings.send, [key for key in keys if key]), work))
        self.settle(MOST)

    def settle(self, most: int = 0) -> None:
        """Write the rows whose blobs have arrived, and wait until at most so many rows are left.

        Raises ``OneCurveError`` where the remote place or the database could not be reached; the row is not written then.
        """
        while self._waiting and (len(self._waiting) > most or self._waiting[0][0].done()):
            arriving, work = self._waiting[0]
            arriving.result()
            self._database.write(work)
            self._waiting.popleft()

    def close(self, *, whole: bool) -> None:
        """Write what is left, or if something went wrong, what has arrived."""
        try:
            if whole:
                self.settle()
            else:
                with suppress(OneCurveError):
                    self.settle(len(self._waiting))
        finally:
            self._pool.shutdown(wait=False, cancel_futures=True)
