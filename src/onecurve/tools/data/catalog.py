"""The tools that look at clean data by name. A new one is a new file and one line here; listing them imports nothing."""

from collections.abc import Mapping

TOOLS: Mapping[str, str] = {
    "domino": "onecurve.tools.data.domino:Domino",
    "error-images": "onecurve.tools.data.error_images:ErrorImages",
    "top-images": "onecurve.tools.data.top_images:TopImages",
    "test-set": "onecurve.tools.data.confusions:TestSet",
}
