"""The kinds of flaw and the controls, one per file."""
