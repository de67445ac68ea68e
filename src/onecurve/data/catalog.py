"""The data sets by name or path. Listing them imports nothing heavy.

Beware: a path may contain brackets itself. Brackets at the end are read as parameters only if they hold `name=value` and no file or
folder with that full name exists.
"""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

from onecurve.core.errors import SpecError
from onecurve.core.registry import Registry, parse_address
from onecurve.data.dataset import DataSet

DATA: Registry[DataSet] = Registry(
    "data",
    {
        "digits": "onecurve.data.digits:Digits",
        "shapes": "onecurve.data.shapes:Shapes",
        "folder": "onecurve.data.folder:Folder",
        "npz": "onecurve.data.npz:Npz",
    },
)
OF_PATHS = ("folder", "npz")
"""The entries that are written `name:PATH`."""


def open_data(address: str) -> DataSet:
    """The data set at an address: `digits`, `shapes[size=64]`, `folder:PATH`, `npz:PATH[size=32]` or `FILE.py:CLASS`.

    A user's own images are read and checked here, once: raises ``DataError`` that lists all problems. Raises ``UnknownNameError``
    or ``SpecError`` for an unknown address, and for a path without `folder:` or `npz:`.
    """
    name, colon, place = address.partition(":")
    if name in OF_PATHS and colon:
        return _at_path(name, place)
    if address in OF_PATHS:
        raise SpecError(f"`{address}` needs a path", f"write {address}:PATH")
    kind = "folder" if Path(address).is_dir() else "npz" if Path(address).suffix == ".npz" and Path(address).is_file() else ""
    if kind and address not in DATA.names():
        raise SpecError(f"a path alone is no address of images: {address}", f"write {kind}:{address}")
    return DATA.make(address)


def _at_path(name: str, place: str) -> DataSet:
    path, parameters = place, dict[str, Any]()
    bracket = re.fullmatch(r"(.+)\[([^\[\]]*=[^\[\]]*)\]", place)
    if bracket and not Path(place).exists():
        path = bracket[1]
        parameters = parse_address(f"{name}[{bracket[2]}]")[1]
    kind: Any = DATA.load(name)
    known = {field.name for field in fields(kind)} - {"path"}
    for parameter in parameters:
        if parameter not in known:
            raise SpecError(f"`{name}` has no parameter: {parameter}", f"it has: {', '.join(sorted(known))}")
    data: DataSet = kind(path=path, **parameters)
    # The key needs every image, so problems are reported now and not after an hour of training.
    assert data.key
    return data
