"""From rows to intervals, curves and comparisons."""
