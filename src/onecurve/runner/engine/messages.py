"""Messages between the process that keeps the rows and its workers: framed, limited, and parsed rather than trusted."""

import json
import math
import os
import re
import select
import struct
from collections.abc import Callable, Mapping
from typing import Any, final

from onecurve.core.workbench import OVERDRAFT
from onecurve.runner.engine.jobs import Job, Outcome

LIMIT = 4 << 20
"""Bytes of a reply, at most."""
TEXT = 100_000
"""Characters of one text in a reply, at most; what is longer is cut."""
PATIENCE = 20.0
"""Seconds to wait for the other side to take a message."""
MOST_IMAGES = 1 << 31
"""A clean set has fewer images, and a database keeps a number below this one."""
ROUNDING = 1e-6
"""Forward-equivalents by which sums of shares of a pass may be off."""
_HEADER = struct.Struct("!I")
_KEY = re.compile(r"[0-9A-Za-z_.-]{1,200}")


class BadMessageError(Exception):
    """What came is no message of ours."""


@final
class Inbox:
    """Collects one message after another from a descriptor, and never waits for the rest of one."""

    def __init__(self, descriptor: int, limit: int = LIMIT) -> None:
        self.descriptor = descriptor
        self.limit = limit
        self._held = bytearray()
        os.set_blocking(descriptor, False)

    def read(self) -> bytes | None:
        """A whole message, or None as long as there is none.

        Raises ``EOFError`` when the other side has hung up, ``BadMessageError`` for a message over the limit.
        """
        while (message := self._whole()) is None:
            try:
                chunk = os.read(self.descriptor, 1 << 16)
            except BlockingIOError:
                return None
            if not chunk:
                raise EOFError
            self._held += chunk
        return message

    def _whole(self) -> bytes | None:
        if len(self._held) < _HEADER.size:
            return None
        (length,) = _HEADER.unpack_from(self._held)
        if length > self.limit:
            raise BadMessageError(f"it has {length} bytes, allowed are {self.limit}")
        if len(self._held) < _HEADER.size + length:
            return None
        message = bytes(self._held[_HEADER.size : _HEADER.size + length])
        del self._held[: _HEADER.size + length]
        return message


def send(descriptor: int, content: Mapping[str, Any]) -> None:
    """Send one message whole; raises ``OSError`` if the other side is gone or takes nothing for a while."""
    text = json.dumps(content).encode()
    rest = memoryview(_HEADER.pack(len(text)) + text)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:
            _, ready, _ = select.select([], [descriptor], [], PATIENCE)
            if not ready:
                raise TimeoutError("the other side takes no message") from None


def envelope(message: bytes) -> dict[str, Any]:
    """What a worker of ours says around a reply; raises ``BadMessageError`` for what it cannot have said."""
    try:
        value = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise BadMessageError(f"it is not JSON: {type(error).__name__}") from error
    if not isinstance(value, dict):
        raise BadMessageError("it is not a JSON object")
    return value


def loaded(message: bytes, *, finite: bool = True) -> dict[str, Any]:
    """A JSON object with finite numbers and storable texts; raises ``BadMessageError`` for anything else.

    Without ``finite``, numbers may be anything: a trusted figure may be undefined.
    """
    try:
        value = json.loads(message, parse_constant=_refused if finite else None)
    except (ValueError, RecursionError) as error:
        raise BadMessageError(f"it is not JSON: {type(error).__name__}") from error
    if not isinstance(value, dict):
        raise BadMessageError("it is not a JSON object")
    return {storable(name): _clean(item, finite) for name, item in value.items()}


def storable(text: str) -> str:
    """The text without what a database cannot hold, cut where it is too long."""
    return text[:TEXT].encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def outcome_of(job: Job, reply: Mapping[str, Any]) -> Outcome:
    """What a worker says came of a job; raises ``BadMessageError`` where it is not what such a job can say."""
    known = {"nonce", "value", "reason", "hint", "traceback", "lost", "seconds", "peak_mb"}
    if reply.keys() - known:
        raise BadMessageError(f"it holds: {', '.join(sorted(reply.keys() - known))}"[:200])
    value = reply.get("value")
    if value is not None and not isinstance(value, dict):
        raise BadMessageError("its value is not a JSON object")
    texts = {name: reply.get(name, "") for name in ("reason", "hint", "traceback")}
    if not all(isinstance(text, str) for text in texts.values()):
        raise BadMessageError("a reason that is not a text")
    numbers = {name: reply.get(name, 0.0) for name in ("seconds", "peak_mb")}
    if not all(_amount(number) for number in numbers.values()):
        raise BadMessageError("a cost that is not a number of at least 0")
    if value is not None:
        _require_shape(job.do, value)
        _require_within(job.arguments.get("budget"), value)
    elif not texts["reason"]:
        raise BadMessageError("neither a value nor a reason")
    return Outcome(value, **texts, **numbers, lost=reply.get("lost") is True)


def _require_within(budget: Any, value: Mapping[str, Any]) -> None:
    """Raise for a meter that shows more than a meter lets anyone spend."""
    spent = value.get("forward", 0.0) + 2 * value.get("backward", 0.0)
    if budget is not None and spent > budget * OVERDRAFT + ROUNDING:
        raise BadMessageError(f"it says that {spent:g} forward-equivalents of a budget of {budget:g} were spent")


def _require_shape(do: str, value: Mapping[str, Any]) -> None:
    for name in ("forward", "backward", "seconds"):
        if name in value and not _amount(value[name]):
            raise BadMessageError(f"`{name}` is not a number of at least 0: {str(value[name])[:50]}")
    shape = SHAPES.get(do)
    if shape is None:
        return
    for name, item in value.items():
        if name not in shape or not shape[name](item):
            raise BadMessageError(f"`{name}` is not part of such a reply: {str(item)[:50]}")
    missing = [names for names in NEEDED[do] if not any(name in value for name in names)]
    if missing:
        raise BadMessageError(f"it lacks: {' or '.join(missing[0])}")


def _images(value: object) -> bool:
    """How many images were read, or that nobody counted."""
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST_IMAGES)


def _amount(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e300 and math.isfinite(value)


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _text(value: object) -> bool:
    return isinstance(value, str)


def _key(value: object) -> bool:
    return isinstance(value, str) and _KEY.fullmatch(value) is not None


def _flag(value: object) -> bool:
    return isinstance(value, bool)


def _whole_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 62


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _named_texts(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())


_SPENT = {"forward": _amount, "backward": _amount, "seconds": _amount, "clean_images": _images}
_GIVEN = {"answer": _key, "network": _key, "abstained": _text, "note": _text, **_SPENT}
SHAPES: Mapping[str, Mapping[str, Callable[[object], bool]]] = {
    "look": {"evidence": _key, **_SPENT},
    "read": _GIVEN,
    "answer": _GIVEN,
    "grade": {"raw": _finite, "figures": lambda value: isinstance(value, dict)},
    "describe": {
        **dict.fromkeys(("kind", "name", "key", "address", "summary", "source", "role"), _text),
        **dict.fromkeys(("version", "needs"), _whole_number),
        **dict.fromkeys(("shows", "reads", "answers"), _texts),
        "parameters": _named_texts,
        **dict.fromkeys(("budgeted", "reads_itself"), _flag),
    },
}
"""What may stand in the value of each kind of job that other people's code takes part in."""
NEEDED: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "look": (("evidence",),),
    "read": (("answer", "network"),),
    "answer": (("answer", "network"),),
    "grade": (("raw",), ("figures",)),
    "describe": tuple((name,) for name in SHAPES["describe"]),
}
"""What must stand in it: one name of each group."""


def _clean(value: Any, finite: bool) -> Any:
    if isinstance(value, str):
        return storable(value)
    if finite and isinstance(value, float) and not math.isfinite(value):
        raise BadMessageError("a number that is not finite")
    if isinstance(value, list):
        return [_clean(item, finite) for item in value]
    if isinstance(value, dict):
        return {storable(name): _clean(item, finite) for name, item in value.items()}
    return value


def _refused(constant: str) -> float:
    raise ValueError(constant)
