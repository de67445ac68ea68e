"""All solvers by name: the repairs, and the solvers that answer from clean data. Each is listed in the catalogue of its own room."""

from onecurve.core.registry import Registry
from onecurve.core.roles import Solver
from onecurve.repairs.catalog import SOLVERS as REPAIRS
from onecurve.tools.data.catalog import SOLVERS as FROM_DATA

SOLVERS: Registry[Solver] = Registry("solver", {**REPAIRS, **FROM_DATA})
