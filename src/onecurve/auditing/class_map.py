"""Which output of a network each class of a data set is: by name, by number, by order, or by a file that says so."""

import json
import re
import unicodedata
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, final

from onecurve.auditing.names import legible
from onecurve.core.errors import DataError, UsageError

SHOWN: Final = 5
"""Names that a message lists."""


@final
@dataclass(frozen=True)
class ClassMap:
    """The classes of the data among the outputs of the network."""

    outputs: tuple[int, ...]
    """For each class of the data its output."""
    names: tuple[str, ...]
    """One name per output."""
    how: str
    """How they were found, one sentence."""
    guessed: bool = False
    """Whether nothing but the number of classes speaks for it."""


def mapped(found: tuple[str, ...], outputs: int, classes: Path | None, *, numbered: bool = False) -> ClassMap:
    """The outputs of the classes ``found`` in the data, of a network with so many ``outputs``; there may be fewer classes.

    ``classes`` is a JSON file (a list of names; an object from number to name or names, or from class to number) or a text file with
    one name per line, in the order of the outputs. Without it, names that are all whole numbers are outputs (or outputs + 1 where they
    run from 1 to the number of outputs), and as many names as outputs are taken in alphabetical order; ``numbered`` says that the data
    number their classes. Raises ``UsageError`` for classes that cannot be told, ``DataError`` for a file that cannot be read.
    """
    known = _mapped(found, outputs, classes, numbered=numbered)
    return replace(known, names=tuple(map(legible, known.names)))


def _mapped(found: tuple[str, ...], outputs: int, classes: Path | None, *, numbered: bool) -> ClassMap:
    if classes is None:
        return _by_number(found, outputs) or _by_order(found, outputs, numbered)
    told = _told(classes, outputs)
    if isinstance(told, dict):
        return _by_index(found, outputs, told, classes)
    return _by_name(found, told, classes)


def _by_number(found: tuple[str, ...], outputs: int) -> ClassMap | None:
    if not found or not all(re.fullmatch(r"\d{1,6}", name) for name in found):
        return None
    numbers = [int(name) for name in found]
    first = 1 if min(numbers) >= 1 and max(numbers) == outputs else 0
    if max(numbers) - first >= outputs:
        raise UsageError(
            f"the data have a class `{max(numbers)}`, and the network has {outputs} outputs, 0 to {outputs - 1}",
            "give a file that says which output each class is: --classes FILE",
        )
    names = {number - first: name for number, name in zip(numbers, found, strict=True)}
    if len(names) < len(numbers):
        raise UsageError("two classes of the data have the same number", "give a file that says which output each class is: --classes FILE")
    how = "classes are outputs by their numbers" + (", which begin at 1" if first else "")
    return ClassMap(tuple(number - first for number in numbers), tuple(names.get(at, str(at + first)) for at in range(outputs)), how)


def _by_order(found: tuple[str, ...], outputs: int, numbered: bool) -> ClassMap:
    if not found:
        return ClassMap((), tuple(map(str, range(outputs))), "the images have no labels, so outputs are named by their numbers")
    if len(found) == outputs:
        how = "classes are outputs by their numbers in the file" if numbered else "classes are outputs in alphabetical order, a guess"
        return ClassMap(tuple(range(outputs)), found, how, guessed=not numbered)
    raise UsageError(
        f"the data have {len(found)} classes and the network {outputs} outputs, so it is not known which output is which class",
        "give a file with one name per line in the order of the outputs: --classes FILE",
    )


def _told(path: Path, outputs: int) -> list[tuple[str, ...]] | dict[str, int]:
    """What the file says: all names of each output, or the output of each class."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"the file of classes cannot be read: {path}: {error}") from error
    if path.suffix.lower() != ".json":
        return _of_lines([(line.strip(),) for line in text.splitlines() if line.strip()], outputs, path)
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"the file of classes is not JSON: {path}: {error}") from error
    if isinstance(values, dict) and values and all(isinstance(value, int) for value in values.values()):
        return {str(name): int(number) for name, number in values.items()}
    if isinstance(values, dict) and all(re.fullmatch(r"\d+", key) for key in values):
        if sorted(map(int, values)) != list(range(len(values))):
            raise DataError(f"the file of classes leaves out some of 0 to {outputs - 1}: {path}", "name every output")
        values = [values[key] for key in sorted(values, key=int)]
    if not isinstance(values, list):
        raise DataError(f"the file of classes is neither a list of names nor an object of names and numbers: {path}")
    return _of_lines([_names_in(value) for value in values], outputs, path)


def _names_in(value: Any) -> tuple[str, ...]:
    return tuple(map(str, reversed(value))) if isinstance(value, list) else (str(value),)


def _of_lines(names: list[tuple[str, ...]], outputs: int, path: Path) -> list[tuple[str, ...]]:
    if len(names) == outputs + 1 and names[0] and _folded(names[0][0]) == "background":
        names = names[1:]
    unnamed = [at for at, some in enumerate(names) if not any(name.strip() for name in some)]
    if unnamed:
        raise DataError(f"the file of classes has no name for output {unnamed[0]}: {path}", "one name per output")
    if len(names) != outputs:
        raise DataError(f"the file of classes has {len(names)} names and the network {outputs} outputs: {path}", "one name per output")
    return names


def _by_index(found: tuple[str, ...], outputs: int, told: dict[str, int], path: Path) -> ClassMap:
    """Classes by a file from name to output."""
    wrong = [f"{name}: {number}" for name, number in told.items() if not 0 <= number < outputs]
    if wrong:
        raise DataError(f"the network has outputs 0 to {outputs - 1}, and {path} says {', '.join(wrong[:SHOWN])}")
    known: dict[str, set[int]] = {}
    for name, number in told.items():
        known.setdefault(_folded(name), set()).add(number)
    names = {number: name for name, number in told.items()}
    free = {at: str(at) if str(at) not in told else f"output {at}" for at in range(outputs)}
    return ClassMap(
        _looked_up(found, known, path), tuple(names.get(at, free[at]) for at in range(outputs)), f"classes are outputs by {path}"
    )


def _by_name(found: tuple[str, ...], told: list[tuple[str, ...]], path: Path) -> ClassMap:
    known: dict[str, set[int]] = {}
    for number, names in enumerate(told):
        for name in names:
            for each in (name, *name.split(",")):
                known.setdefault(_folded(each), set()).add(number)
        known.setdefault(str(number), {number})
    # Of `beach wagon, station wagon, wagon` the first synonym is shown where no other output begins with it.
    whole = [names[0] for names in told]
    shorts = [name.split(",")[0].strip() for name in whole]
    shown = [short if shorts.count(short) == 1 and short else name for short, name in zip(shorts, whole, strict=True)]
    unique = tuple(f"{name} ({at})" if shown.count(name) > 1 else name for at, name in enumerate(shown))
    return ClassMap(_looked_up(found, known, path), unique, f"classes are outputs by their names in {path}")


def _looked_up(found: tuple[str, ...], known: dict[str, set[int]], path: Path) -> tuple[int, ...]:
    unknown = [name for name in found if _folded(name) not in known]
    if unknown:
        listed = ", ".join(f"`{name}`" for name in unknown[:SHOWN]) + (f" and {len(unknown) - SHOWN} more" if len(unknown) > SHOWN else "")
        near = get_close_matches(_folded(unknown[0]), known, 1)
        raise UsageError(
            f"no output of the network is called {listed} in {path}",
            f"did you mean `{near[0]}`?" if near else "rename the class, or take its images away",
        )
    several = [name for name in found if len(known[_folded(name)]) > 1]
    if several:
        numbers = ", ".join(map(str, sorted(known[_folded(several[0])])))
        raise UsageError(f"`{several[0]}` is the name of several outputs: {numbers}", "name the folder by the number of its output")
    taken = [min(known[_folded(name)]) for name in found]
    twice = [name for name, number in zip(found, taken, strict=True) if taken.count(number) > 1]
    if twice:
        raise UsageError(f"several classes are one output: {', '.join(twice[:SHOWN])}", "join their images in one class")
    return tuple(taken)


def _folded(name: str) -> str:
    """The name without case, accents and punctuation."""
    plain = "".join(each for each in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(each))
    folded = re.sub(r"[\W_]+", " ", plain).strip()
    return folded or plain
