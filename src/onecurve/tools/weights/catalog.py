"""The tools that look at weights alone by name. A new one is a new file and one line here; listing them imports nothing."""

from collections.abc import Mapping

TOOLS: Mapping[str, str] = {
    "last-layer": "onecurve.tools.weights.last_layer:LastLayer",
}
