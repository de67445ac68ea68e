"""Grade every interpretability tool on one curve."""

from onecurve.version import __version__ as __version__
