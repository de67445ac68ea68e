"""Merging: the rows of many runs in one store, by content."""
