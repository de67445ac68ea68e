"""The tasks by name; listing them imports none of them."""

from typing import Final

from onecurve.core.registry import Registry
from onecurve.core.roles import Task

TASKS: Final[Registry[Task]] = Registry(
    "task",
    {
        "detect": "onecurve.tasks.detect:Detect",
        "discover": "onecurve.tasks.discover:Discover",
        "localise": "onecurve.tasks.localise:Localise",
        "predict": "onecurve.tasks.predict:Predict",
        "repair": "onecurve.tasks.repair:Repair",
        "replace": "onecurve.tasks.replace:Replace",
    },
)
