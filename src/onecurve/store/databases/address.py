"""Addresses of databases: which one, which schema in it, and how to name both without the password."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from onecurve.core.errors import UsageError

SCHEMES: Final = ("postgresql", "postgres")
DEFAULT: Final = "onecurve"
"""The schema of an address that names none."""
SECRETS: Final = ("password", "sslpassword")
"""Parameters of an address that are kept out of everything that is written down."""
SOCKETS: Final = ("/run/postgresql", "/var/run/postgresql")
"""Folders of the socket of a server on this machine, as systems come; an address may name another."""
HINT: Final = "--store takes postgresql://USER@HOST[:PORT]/DATABASE[#SCHEMA]"


@final
@dataclass(frozen=True)
class Address:
    """A database and a schema in it; one schema holds one run."""

    url: URL
    """With the password, if it was given; for connecting and for nothing else."""
    schema: str

    @property
    def shown(self) -> str:
        """The address without a password, as it may be written down and given again."""
        bare = URL.create(
            "postgresql",
            self.url.username,
            None,
            self.url.host,
            self.url.port,
            self.url.database,
            {name: value for name, value in self.url.query.items() if name not in SECRETS},
        )
        return f"{bare.render_as_string()}#{self.schema}"

    @property
    def sockets(self) -> tuple[Path, ...]:
        """Folders of this machine in which the server may have its socket; none for a server that is reached by the network."""
        hosts = self.url.host or self.url.query.get("host") or os.environ.get("PGHOST") or ",".join(SOCKETS)
        each = hosts.split(",") if isinstance(hosts, str) else hosts
        return tuple(Path(host) for host in each if host.startswith("/"))

    def names_the_same(self, other: "Address") -> bool:
        """Whether both hold the same run, whoever connects."""
        return _place(self) == _place(other)


def address_of(text: str) -> Address:
    """The address that a text states; raises ``UsageError`` for a text that is none."""
    bare, _, schema = text.partition("#")
    try:
        url = make_url(bare)
    except (ArgumentError, ValueError) as error:
        raise UsageError("not an address of a database", HINT) from error  # the text may hold a password
    if url.drivername not in SCHEMES:
        raise UsageError(f"rows can be kept in PostgreSQL, not in: {url.drivername}", HINT)
    schema = schema or DEFAULT
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", schema) or schema.startswith("pg_"):
        raise UsageError(f"not the name of a schema: {schema}", "use at most 63 small letters, digits and `_`, and not `pg_` in front")
    return Address(url, schema)


def without_password(text: str, words: str) -> str:
    """The words with the address in them, as it was given, replaced by what may be written down."""
    return words.replace(text, address_of(text).shown) if text else words


def _place(address: Address) -> tuple[object, ...]:
    url = address.url
    return url.host or url.query.get("host"), url.port or 5432, url.database or url.username, address.schema
