"""The workbench for one run of a tool or reader: copies of the granted networks that share one meter."""

from copy import deepcopy
from dataclasses import replace

from onecurve.core.case import Subject
from onecurve.core.workbench import Budget, Meter, Workbench
from onecurve.models.metering import Metered
from onecurve.models.network import TorchNetwork, torch_module


def metered_workbench(subject: Subject, budget: float, seed: int, device: str = "cpu") -> Workbench:
    """Fresh copies of the subject's network and clean reference with a new meter; changing the copies changes nothing else.

    The meter also counts which images of the clean set are read.

    ``budget`` in forward-equivalents. Raises ``ModelError`` for a network that is not a torch network.
    """
    granted = Budget(budget)
    meter = Meter(granted)
    subject = replace(subject, clean=meter.counting(subject.clean))
    if subject.network is None:
        return Workbench(subject, granted, meter, seed, device=device)
    metered = replace(subject, network=_metered(subject, meter, device))
    if subject.reference is not None:
        metered = replace(metered, reference=_metered(subject.of_reference(), meter, device))
    return Workbench(metered, granted, meter, seed, device=device)


def _metered(subject: Subject, meter: Meter, device: str) -> TorchNetwork:
    return TorchNetwork(Metered(deepcopy(torch_module(subject)), meter, subject.input_shape), device)
