"""Checks of a tool's parameters, so that a person's `tool[parameter=value]` fails at once and in words.

Bounds are inclusive. NaN is outside every interval.
"""

from onecurve.core.errors import SpecError


def require_within(name: str, value: float, low: float, high: float = float("inf")) -> None:
    """Raise ``SpecError`` unless ``low <= value <= high``.

    >>> require_within("steps", 3, 1)
    """
    if isinstance(value, str) or not low <= value <= high:
        wanted = f"at least {low:g}" if high == float("inf") else f"between {low:g} and {high:g}"
        raise SpecError(f"`{name}` must be {wanted}, got: {value}")


def require_among(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Raise ``SpecError`` unless ``value`` is one of ``allowed``.

    >>> require_among("baseline", "mean", ("mean", "black"))
    """
    if value not in allowed:
        raise SpecError(f"`{name}` must be one of {', '.join(allowed)}, got: {value}")
