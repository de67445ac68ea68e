"""The feature visualisation methods by name. A new one is a new file and one line here; listing them imports nothing."""

from collections.abc import Mapping

TOOLS: Mapping[str, str] = {
    "cppn": "onecurve.tools.synthesis.cppn:Cppn",
}
