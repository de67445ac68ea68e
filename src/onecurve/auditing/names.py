"""Names that every output can hold."""

from unicodedata import category


def legible(name: str) -> str:
    """The name with escapes for control characters and for bytes that are no UTF-8, which names of files may have.

    >>> legible("café"), legible("a\\nb"), legible("\\udcff.png")
    ('café', 'a\\\\nb', '\\\\udcff.png')
    """
    return "".join(each.encode("unicode_escape").decode() if category(each) in {"Cc", "Cs"} else each for each in name)
