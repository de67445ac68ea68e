"""Numbers as text: skill, share, cost, seconds, in the same form on every page.

A missing number is written as an em dash, never as 0.
"""

import math
from datetime import datetime

MISSING = "—"
SAME = 0.005
"""Skills closer than this are printed alike and count as no difference."""
_STEPS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def skill(value: float | None) -> str:
    """Two decimals with a real minus sign.

    >>> skill(-0.314), skill(0.999), skill(-0.001), skill(None)
    ('−0.31', '1.00', '0.00', '—')
    """
    if value is None or not math.isfinite(value):
        return MISSING
    text = f"{value:.2f}" if abs(value) < 100 else f"{value:.0f}"
    return text.removeprefix("-") if float(text) == 0 else text.replace("-", "−")


def interval(low: float | None, high: float | None) -> str:
    """An interval of skills, empty where there is none.

    >>> interval(-0.1, 0.25)
    '−0.10 to 0.25'
    """
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return f"{skill(low)} to {skill(high)}"


def percent(value: float | None) -> str:
    """A share as a percentage.

    >>> percent(0.125), percent(1), percent(0.004), percent(None)
    ('12\\xa0%', '100\\xa0%', '0.4\\xa0%', '—')
    """
    if value is None or not math.isfinite(value):
        return MISSING
    percent = 100 * value
    return f"{percent:.1f}\u00a0%".replace("-", "−") if 0 < abs(percent) < 1 else f"{percent:.0f}\u00a0%".replace("-", "−")


def cost(value: float | None) -> str:
    """Forward-equivalents with two or three significant digits.

    >>> cost(0), cost(950), cost(1234), cost(20000), cost(3.2e6)
    ('0', '950', '1.2k', '20k', '3.2M')
    """
    if value is None or not math.isfinite(value):
        return MISSING
    for step, letter in _STEPS:
        if value >= step:
            scaled = value / step
            return f"{scaled:.0f}{letter}" if scaled >= 10 or scaled == int(scaled) else f"{scaled:.1f}{letter}"
    return f"{value:.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"


def seconds(value: float | None) -> str:
    """A duration.

    >>> seconds(0.42), seconds(75), seconds(4000), seconds(200000)
    ('0.4 s', '1 min 15 s', '1 h 6 min', '2 d 7 h')
    """
    if value is None or not math.isfinite(value):
        return MISSING
    if value < 60:
        return f"{value:.1f} s" if value < 10 else f"{value:.0f} s"
    whole = round(value)
    for large, small, size, inner in (("d", "h", 86400, 3600), ("h", "min", 3600, 60), ("min", "s", 60, 1)):
        if whole >= size:
            rest = whole % size // inner
            return f"{whole // size} {large} {rest} {small}" if rest else f"{whole // size} {large}"
    return f"{whole} s"


def p_value(value: float) -> str:
    """A p with its sign of equality or inequality.

    >>> p_value(0.0004), p_value(0.0123), p_value(1.0)
    ('p\xa0<\xa00.001', 'p\xa0=\xa00.012', 'p\xa0=\xa01')
    """
    return "p\u00a0<\u00a00.001" if value < 0.001 else f"p\u00a0=\u00a0{value:.2g}"


def figure(value: float | str | bool | None) -> str:
    """Any figure or fact in at most four significant digits.

    >>> figure(0.123456), figure(12), figure("corner"), figure(float("nan"))
    ('0.123', '12', 'corner', '—')
    """
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return MISSING
    if isinstance(value, float):
        return f"{value:.3g}".replace("-", "−") if abs(value) < 1e4 else cost(value)
    return str(value)


def count(number: int, one: str, many: str = "") -> str:
    """A number with its noun.

    >>> count(1, "network"), count(3, "class", "classes")
    ('1 network', '3 classes')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}".replace(",", " ")


def sample(networks: int, cases: int) -> str:
    """What a mean is over; networks are the unit of its interval.

    >>> sample(1, 3), sample(12, 36)
    ('n=1 network, 3 cases', 'n=12 networks, 36 cases')
    """
    return f"n={count(networks, 'network')}, {count(cases, 'case')}"


def and_list(words: list[str] | tuple[str, ...]) -> str:
    """Words as a list in a sentence.

    >>> and_list(["a"]), and_list(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def day(moment: datetime) -> str:
    """A date in words.

    >>> day(datetime(2025, 3, 1))
    '1 March 2025'
    """
    return f"{moment.day} {moment:%B %Y}"
