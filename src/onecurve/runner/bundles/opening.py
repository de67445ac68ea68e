"""Open a bundle that may come from a stranger: nothing is written outside its own folder, and nothing larger than was allowed."""

import json
import shutil
import stat
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from onecurve.core.digests import FILE as DIGESTS
from onecurve.core.errors import DataError
from onecurve.runner.bundles.layout import MOST_BYTES, MOST_FILES, MOST_TEXT, RECORD, may_lie_in_a_bundle

HINT = "a bundle is made by `onecurve bundle`; fetch it again from who made it"
CHUNK = 2**20
STORED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED = 0x1


def is_bundle(path: Path) -> bool:
    """Whether it is a bundle, a folder or a zip, or what is left of one."""
    return (path / RECORD).is_file() if path.is_dir() else path.is_file()


@contextmanager
def opened_bundle(path: Path, most_bytes: int = MOST_BYTES) -> Iterator[Path]:
    """A folder with the files that the digests of a bundle name, and no others; a zip is unpacked for as long as it is open.

    Raises ``DataError`` for anything else.
    """
    if path.is_dir():
        _require_names(_names_below(path), f"{path}")
        _require_digests_of_all(path)
        yield path
        return
    with TemporaryDirectory(prefix="onecurve-bundle-") as temporary:
        folder = Path(temporary)
        try:
            with zipfile.ZipFile(path) as packed:
                _unpack(packed, folder, most_bytes)
        except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError, OSError, ValueError, RuntimeError) as error:
            raise DataError(f"not a bundle: {path}: {error}"[:500], HINT) from error
        _require_digests_of_all(folder)
        yield folder


def _unpack(packed: zipfile.ZipFile, folder: Path, most_bytes: int) -> None:
    members = packed.infolist()
    total = sum(one.file_size for one in members)
    if total > most_bytes:
        raise ValueError(f"it unpacks to {total:,} bytes, at most {most_bytes:,} are allowed (--most-gb)")
    if total > shutil.disk_usage(folder).free:
        raise ValueError(f"it unpacks to {total:,} bytes, and there is less room in {folder.parent}")
    _require_names((one.filename for one in members), "the zip")
    for one in members:
        if one.flag_bits & ENCRYPTED or one.compress_type not in STORED or stat.S_ISLNK(one.external_attr >> 16):
            raise ValueError(f"{one.filename} is a link, encrypted, or packed in another way than `onecurve bundle` does")
    for one in members:
        _extract(packed, one, folder / one.filename)


def _extract(packed: zipfile.ZipFile, one: zipfile.ZipInfo, path: Path) -> None:
    """Write one member, and never more bytes of it than it says to have."""
    path.parent.mkdir(parents=True, exist_ok=True)
    left = one.file_size
    with packed.open(one) as file, path.open("xb") as out:
        while chunk := file.read(min(CHUNK, left + 1)):
            left -= len(chunk)
            if left < 0:
                raise ValueError(f"{one.filename} is larger than it says")
            out.write(chunk)


def _require_names(names: Iterable[str], where: str) -> None:
    known: set[str] = set()
    for name in names:
        if not may_lie_in_a_bundle(name) or name in known:
            raise DataError(f"not a bundle: {where} holds {name[:200]!r}, which has no place in one", HINT)
        known.add(name)
        if len(known) > MOST_FILES:
            raise DataError(f"not a bundle: {where} holds more than {MOST_FILES:,} files", HINT)


def _names_below(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise DataError(f"not a bundle: {path} is a link", HINT)
        if path.is_file():
            yield path.relative_to(folder).as_posix()


def _require_digests_of_all(folder: Path) -> None:
    """Raise ``DataError`` unless the digests name exactly the files that there are: a name in them may lead anywhere."""
    path = folder / DIGESTS
    try:
        if path.stat().st_size > MOST_TEXT:
            raise ValueError(f"larger than {MOST_TEXT} bytes")
        known = json.loads(path.read_bytes())
        named = set(known) if isinstance(known, dict) and all(isinstance(one, str) for one in known.values()) else None
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"not a bundle: {path}: {error}"[:500], HINT) from error
    there = {name for name in _names_below(folder) if name != DIGESTS}
    if named is None or named != there:
        odd = sorted((named or set()) ^ there)
        raise DataError(f"not a bundle: {path} does not name the files that are there: {', '.join(odd[:3])}"[:500], HINT)
