"""Labels of a flat folder of pictures from a file: JSON from file to class, or CSV with a file and a class per line."""

import csv
import json
from pathlib import Path

import numpy as np

from onecurve.core.errors import DataError
from onecurve.core.image.images import Ints


def labels_in(path: Path, files: tuple[str, ...]) -> tuple[tuple[str, ...], Ints]:
    """Class names, and the class of each of the ``files`` (int64 N), by its path in the folder or by its file name.

    Images that the file does not name are an error, as they would be of no class: raises ``DataError``.
    """
    told = _told(path)
    classes = [told.get(name) or told.get(Path(name).name) for name in files]
    missing = [name for name, each in zip(files, classes, strict=True) if not each]
    if missing:
        raise DataError(
            f"{path} has no label for {len(missing)} of {len(classes)} images, the first: {missing[0]}", "add them, or move them"
        )
    names = tuple(sorted({each for each in classes if each}))
    return names, np.array([names.index(each) for each in classes if each], np.int64)


def _told(path: Path) -> dict[str, str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() == ".json":
            values = json.loads(text)
            if not isinstance(values, dict):
                raise DataError(f"the file of labels is no object from file to class: {path}")
            return {str(file): str(name) for file, name in values.items()}
        rows = [row for row in csv.reader(text.splitlines(), dialect=_dialect(text)) if row]
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"the file of labels cannot be read: {path}: {error}") from error
    short = [number for number, row in enumerate(rows, 1) if len(row) < 2]
    if short:
        raise DataError(f"line {short[0]} of {path} is not a file and a class", "write `1.jpg,cat` on each line")
    told = dict[str, str]()
    for file, name in ((row[0].strip(), row[1].strip()) for row in rows):
        if told.setdefault(file, name) != name:
            raise DataError(f"{path} gives {file} two labels: {told[file]} and {name}", "leave one of them")
    return told


def _dialect(text: str) -> type[csv.Dialect]:
    return csv.excel_tab if "\t" in text.split("\n", 1)[0] else csv.excel
