"""Sealed cases: a planted network is published with its ground truth encrypted, and with a commitment to that truth.

`subject/` is copied unchanged. `truth.sealed` is a random salt and the archive of `sealed/`, encrypted. `commitment.json` holds
the SHA-256 of what was encrypted and of every file of the subject. With the key the truth can be opened; once the key is
published, anybody can check that the truth is the one that was committed to.

Beware: the length of an archive tells something too. A clean network has a shorter truth than a flawed one, so archives are
padded; all archives of one competition should have the same length.
"""

import hashlib
import io
import json
import os
import secrets
import shutil
import stat
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from onecurve.core.digests import write_digests
from onecurve.core.errors import DataError, MissingExtraError, SchemaError, UsageError
from onecurve.core.folders import require_empty
from onecurve.flaws.planting.storage import SEALED, SUBJECT

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SCHEMA: Final = 1
TRUTH, COMMITMENT = "truth.sealed", "commitment.json"
LEAST: Final = 2**24
"""Bytes; an archive is padded to this length, or to the smallest power of two times this length that holds it."""
LARGEST: Final = 2**30
"""Bytes; the largest archive. It is encrypted in one piece, and the cipher takes less than 2 GiB."""
KEY, SALT, NONCE, TAG = 32, 32, 12, 16
"""Bytes: an AES-256 key, the salt, and GCM's own sizes (NIST SP 800-38D)."""
LEAST_BYTES: Final = 16
"""Different bytes that a key has at least; one of 32 drawn at random has fewer once in 10**16 draws."""
RECORD: Final = 2**20
"""Bytes; the largest commitment that is read."""


def seal(planted: Path, out: Path, key: Path, *, least: int = LEAST, draw: Callable[[int], bytes] = secrets.token_bytes) -> str:
    """Publish the network of ``planted`` (as ``save_planted`` wrote it) in ``out`` and return the commitment, 64 hex digits.

    The key file is read if it exists; otherwise it is made (mode 0600). The archive is padded to at least ``least`` bytes.
    ``draw(n)`` gives n random bytes; with the same bytes the same files are written. Raises ``UsageError`` if ``out`` is not empty
    or lies in ``planted``, if the key lies in what is published, others can read it or it was not drawn at random, and for networks
    without a case; ``DataError`` if a folder holds anything but files, or the truth is above 1 GiB; ``MissingExtraError`` without the
    extra `seal`.
    """
    _require_apart(out, planted, "publishing inside the planted folder would publish the truth")
    for place in (out, planted / SUBJECT):
        _require_apart(key, place, "a key that lies in what is published opens it for everyone")
    require_empty(out, "choose another --out")
    if not (planted / SEALED / "network.json").is_file():
        raise UsageError(f"no sealed truth of an admitted flaw in: {planted}", "give a folder that `onecurve plant` wrote")
    subject = _files_of(planted / SUBJECT)
    content = _archive(_files_of(planted / SEALED), least)
    known = _own_key(key) if key.exists() else None
    secret = known or draw(KEY)
    plaintext = draw(SALT) + content
    commitment = {
        "schema": SCHEMA,
        "truth": hashlib.sha256(plaintext).hexdigest(),
        "key": _fingerprint(secret),
        "subject": _digests(subject),
    }
    nonce = draw(NONCE)
    ciphertext = _cipher(secret).encrypt(nonce, plaintext, _canonical(commitment))
    with _arriving(out) as folder:
        _copy(subject, folder / SUBJECT)
        (folder / TRUTH).write_bytes(nonce + ciphertext)
        (folder / COMMITMENT).write_text(json.dumps(commitment, indent=1, sort_keys=True) + "\n")
        # The key is written before the folder is in place: what is published without a key can never be opened.
        if known is None:
            _write_key(key, secret)
    return str(commitment["truth"])


def open_sealed(published: Path, key: Path, out: Path) -> str:
    """Check what ``seal`` published and write ``out``, a folder that ``load_case`` reads; returns the commitment.

    Raises ``UsageError`` for a missing or wrong key and if ``out`` is not empty or lies in ``published``, ``DataError`` if the
    subject, the truth or the commitment was changed, ``SchemaError`` for an unknown version.
    """
    _require_apart(out, published, "the truth would lie in what is published")
    require_empty(out, "choose another --out")
    commitment, secret = _commitment(published / COMMITMENT), _read_key(key)
    if _fingerprint(secret) != commitment["key"]:
        raise UsageError(f"sealed with another key than: {key}")
    subject = _files_of(published / SUBJECT)
    _require_same(subject, commitment["subject"], published)
    plaintext = _decrypted(published / TRUTH, secret, commitment)
    truth = _unpacked(plaintext[SALT:])
    with _arriving(out) as folder:
        _copy(subject, folder / SUBJECT)
        (folder / SEALED).mkdir()
        for name, content in truth.items():
            (folder / SEALED / name).write_bytes(content)
        write_digests(folder)
    return str(commitment["truth"])


def _decrypted(path: Path, secret: bytes, commitment: Mapping[str, Any]) -> bytes:
    """Salt and archive; the cipher authenticates the whole commitment with them."""
    cipher = _cipher(secret)
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - an extra; `_cipher` has reported by now if it is missing

    sealed = _read(path, NONCE + SALT + LARGEST + TAG)
    fault = DataError(f"{path} or {COMMITMENT} has changed since it was sealed", "fetch both again from where they were published")
    if len(sealed) < NONCE + SALT + TAG:
        raise fault
    try:
        plaintext = cipher.decrypt(sealed[:NONCE], sealed[NONCE:], _canonical(commitment))
    except InvalidTag as error:
        raise fault from error
    # GCM is not committing: one ciphertext can be made that decrypts to two texts under two keys (ePrint 2019/016).
    if hashlib.sha256(plaintext).hexdigest() != commitment["truth"]:
        raise DataError(f"{path} holds another truth than {COMMITMENT} committed to")
    return plaintext


def _cipher(secret: bytes) -> "AESGCM":
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError.needing("sealing a case", "seal") from error
    return AESGCM(secret)


def _archive(files: Mapping[str, Path], least: int) -> bytes:
    """A tar of the files that depends only on their names and contents, followed by zeros, with which a tar may end."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, path in files.items():
            entry, content = tarfile.TarInfo(name), path.read_bytes()
            entry.size, entry.mode, entry.mtime = len(content), 0o644, 0
            archive.addfile(entry, io.BytesIO(content))
    length = packed.getbuffer().nbytes
    padded = max(least, 1)
    while padded < length:
        padded *= 2
    if padded > LARGEST:
        raise DataError(f"a sealed truth may have at most {LARGEST:,} bytes, got: {length:,}, padded to {padded:,}")
    return packed.getvalue().ljust(padded, b"\0")


def _unpacked(archive: bytes) -> dict[str, bytes]:
    """Names and contents. Only regular files with plain names are unpacked, so nothing can leave the folder or grow."""
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as entries:
            for entry in entries:
                if entry.type != tarfile.REGTYPE or entry.issparse() or not _plain_name(entry.name) or entry.name in found:
                    raise DataError(f"a sealed truth may hold plain files only, got: {entry.name}")
                reader = entries.extractfile(entry)
                found[entry.name] = reader.read() if reader else b""
    except tarfile.TarError as error:
        raise DataError(f"the sealed truth is not a complete archive: {error}") from error
    return found


def _plain_name(name: str) -> bool:
    return name not in {"", ".", ".."} and not set(name) & set("/\\:\0")


def _files_of(folder: Path) -> dict[str, Path]:
    """The files of a folder by name, sorted; raises ``UsageError`` for no folder, ``DataError`` for anything but files in it."""
    if not folder.is_dir():
        raise UsageError(f"no such folder: {folder}")
    found = sorted(folder.iterdir())
    odd = [path for path in found if path.is_symlink() or not path.is_file() or not _plain_name(path.name)]
    if odd:
        raise DataError(f"neither a link nor a folder may lie in {folder}, got: {odd[0].name}")
    return {path.name: path for path in found}


def _digests(files: Mapping[str, Path]) -> dict[str, str]:
    """Name to SHA-256 of the content, 64 hex digits."""
    found = {}
    for name, path in files.items():
        with path.open("rb") as file:
            found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def _require_same(files: Mapping[str, Path], committed: Mapping[str, str], published: Path) -> None:
    there = _digests(files)
    wrong = sorted(name for name in {*there, *committed} if there.get(name) != committed.get(name))
    if wrong:
        raise DataError(f"the subject in {published} is not the one that was sealed: {', '.join(wrong)}", "fetch it again")


def _commitment(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(_read(path, RECORD))
    except ValueError as error:
        raise DataError(f"not a commitment: {path}: {error}") from error
    if not isinstance(record, dict):
        raise DataError(f"not a commitment: {path}")
    if record.get("schema") != SCHEMA:
        raise SchemaError(f"{path} has schema {record.get('schema')}, this version reads {SCHEMA}")
    words, subject = [record.get("truth"), record.get("key")], record.get("subject")
    if not (isinstance(subject, dict) and all(isinstance(word, str) and word.isascii() for word in [*words, *subject.values()])):
        raise DataError(f"not a complete commitment: {path}")
    return record


def _canonical(commitment: Mapping[str, Any]) -> bytes:
    """The commitment in a form that does not depend on the layout of its file."""
    return json.dumps(commitment, sort_keys=True, separators=(",", ":")).encode()


def _fingerprint(secret: bytes) -> str:
    """64 hex digits that tell keys apart; they reveal nothing about a key that was drawn at random."""
    return hashlib.sha256(b"onecurve sealing key\0" + secret).hexdigest()


def _read_key(path: Path) -> bytes:
    try:
        secret = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except FileNotFoundError as error:
        raise UsageError(f"no such key file: {path}") from error
    except (OSError, ValueError) as error:
        raise UsageError(f"not a key file: {path}", f"a key is {2 * KEY} hexadecimal digits") from error
    if len(secret) != KEY:
        raise UsageError(f"not a key file: {path}", f"a key is {2 * KEY} hexadecimal digits")
    return secret


def _own_key(path: Path) -> bytes:
    """A key to seal with: drawn at random, and readable by its owner only."""
    secret = _read_key(path)
    if len(set(secret)) < LEAST_BYTES:
        raise UsageError(f"a key that was not drawn at random: {path}", "name a file that does not exist, and `onecurve seal` draws one")
    # Where files have no such modes, every file looks readable.
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise UsageError(f"others can read or write the key: {path}", f"chmod 600 {path}")
    return secret


def _write_key(path: Path, secret: bytes) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise UsageError(f"cannot write the key to: {path}: {error.strerror}") from error
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{secret.hex()}\n")


def _read(path: Path, limit: int) -> bytes:
    """A file of at most ``limit`` bytes."""
    if not path.is_file():
        raise UsageError(f"no such file: {path}", "give the folder that `onecurve seal` wrote")
    if path.stat().st_size > limit:
        raise DataError(f"{path} is too large: {path.stat().st_size:,} bytes, at most {limit:,} are read")
    return path.read_bytes()


def _require_apart(place: Path, folder: Path, why: str) -> None:
    if place.resolve().is_relative_to(folder.resolve()):
        raise UsageError(f"{place} lies inside {folder}", why)


def _copy(files: Mapping[str, Path], folder: Path) -> None:
    folder.mkdir()
    for name, path in files.items():
        shutil.copyfile(path, folder / name)


@contextmanager
def _arriving(out: Path) -> Iterator[Path]:
    """A folder to write in. It is moved to ``out`` when everything is written, and removed if something fails."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as error:
        raise UsageError(f"cannot write to: {out}: {error.strerror}") from error
    try:
        (building / "whole").mkdir()
        yield building / "whole"
        if out.exists():
            out.rmdir()
        (building / "whole").rename(out)
    finally:
        shutil.rmtree(building, ignore_errors=True)
