"""Reads a network from an ONNX file, through the optional package `onnx2torch`: a graph of operations and weights, no code."""

import importlib
from pathlib import Path
from typing import Any

from torch import nn

from onecurve.core.errors import MissingExtraError, ModelError

EXTRA = "onnx"
AS_PYTHON = "give the network in Python, or export it for any number of images (dynamic_axes of its first axis) with plain layers"


def module_of_onnx(path: Path) -> nn.Module:
    """The network in eval mode.

    Raises ``ModelError`` for a file that is absent, damaged or holds what cannot be converted, ``MissingExtraError`` without the
    extra `onnx`.
    """
    if not path.is_file():
        raise ModelError(f"no such file: {path}")
    try:
        converter: Any = importlib.import_module("onnx2torch")
    except ImportError as error:
        # What it needs itself may be absent too, such as torchvision.
        missing = MissingExtraError.needing(f"a network in an ONNX file ({error})", EXTRA)
        raise missing from error
    try:
        module: nn.Module = converter.convert(str(path))
    except Exception as error:
        first = next(iter(str(error).strip().splitlines()), "")
        raise ModelError(f"{path} cannot be turned into a torch network: {type(error).__name__}: {first}", AS_PYTHON) from error
    return module.eval()
