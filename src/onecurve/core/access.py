"""The threat model: what a subject grants and a tool needs."""

from enum import Flag, auto


class Access(Flag):
    """Grants that combine with ``|``; a tool runs only where its needs are all granted."""

    NONE = 0
    QUERIES = auto()
    """Run the network forward."""
    WEIGHTS = auto()
    """Read weights, gradients and activations."""
    CLEAN_IMAGES = auto()
    """A small clean image set."""
    CLEAN_LABELS = auto()
    """The labels of the clean set."""
    TARGET = auto()
    """The suspected target class. Tasks that give it are reported apart from blind ones."""
    SUSPECTS = auto()
    """Inputs on which the flaw fires."""
    REFERENCES = auto()
    """Looks at clean networks of the same recipe, for calibration."""
    REFERENCE_NETWORK = auto()
    """A clean network of the same recipe itself, weights and all."""

    def missing_from(self, granted: "Access") -> "Access":
        """The part of these needs that ``granted`` does not cover."""
        return self & ~granted

    def words(self) -> tuple[str, ...]:
        """The names of the single grants, lower case with dashes, in declaration order."""
        return tuple(flag.name.lower().replace("_", "-") for flag in type(self) if flag in self and flag.name)
