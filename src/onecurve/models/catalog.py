"""The architectures by name. Listing them does not import torch; `building.build` builds the networks."""

from typing import Any

from onecurve.core.registry import Registry

MODELS: Registry[Any] = Registry(
    "model",
    {
        "six-conv": "onecurve.models.six_conv:SixConv",
        "resnet20": "onecurve.models.resnet20:ResNet20",
        "vit": "onecurve.models.vit:VisionTransformer",
    },
)
"""Each entry is a frozen dataclass with `build(shape, classes, seed) -> nn.Module`."""
