"""The README's example of a tool, cut out of the README so that it cannot rot."""

import re
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"
EXAMPLE = re.search(r"```python\n(# my_tool\.py\n.*?)```", README.read_text(encoding="utf-8"), re.DOTALL).group(1)  # type: ignore[union-attr]
