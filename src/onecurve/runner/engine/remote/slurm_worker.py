"""What a job of Slurm does: take jobs of a run from its spool, one after another, until it is told to leave."""

import time
from pathlib import Path
from typing import Final

from onecurve.runner.engine.remote.site import Site, SiteSettings
from onecurve.runner.engine.remote.spool import DRIVER, Spool

GLANCE: Final = 0.1
"""Seconds between two looks for a job."""
ORPHANED: Final = 600.0
"""Seconds without a sign of life of the driver after which a worker leaves."""
LOOK: Final = 30.0
"""Seconds between two looks for that sign."""


def work(root: str, name: str, settings: SiteSettings) -> int:
    """Work for the run whose spool lies at ``root``; returns how many jobs were done."""
    spool, done = Spool(Path(root)), 0
    site = Site(settings)
    try:
        with spool.living(name):
            spool.greet(name, site.greeting())
            looked = time.monotonic()
            while not spool.is_over(name):
                if time.monotonic() - looked > LOOK:
                    looked = time.monotonic()
                    if spool.silent_for(DRIVER) > ORPHANED:
                        break
                if _done_one(spool, name, site):
                    done += 1
                else:
                    time.sleep(GLANCE)
    except FileNotFoundError:
        if not spool.is_over(name):  # else the driver has given it up, or removed the spool
            raise
    finally:
        site.close()
    return done


def _done_one(spool: Spool, name: str, site: Site) -> bool:
    ticket = spool.claim(name)
    if ticket is None:
        return False
    parcel = spool.parcel(name, ticket)
    for key in site.lacking(parcel.folders):
        site.receive(key, spool.folder(key))
    spool.answer(name, ticket, site.do(parcel))
    return True
