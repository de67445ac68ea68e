"""Data sets by name or path: drawn, bundled, or a user's own. They are deterministic given a seed, and checked when they are opened."""
