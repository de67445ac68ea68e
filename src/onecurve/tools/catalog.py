"""All tools by name, family by family. A new tool is listed in the catalogue of its family."""

from onecurve.core.registry import Registry
from onecurve.core.roles import Tool
from onecurve.tools.attribution.catalog import TOOLS as ATTRIBUTION
from onecurve.tools.data.catalog import TOOLS as DATA
from onecurve.tools.inversion.catalog import TOOLS as INVERSION
from onecurve.tools.synthesis.catalog import TOOLS as SYNTHESIS
from onecurve.tools.weights.catalog import TOOLS as WEIGHTS

TOOLS: Registry[Tool] = Registry("tool", {**ATTRIBUTION, **INVERSION, **SYNTHESIS, **DATA, **WEIGHTS})
