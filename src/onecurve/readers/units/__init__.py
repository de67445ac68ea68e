"""Readers of units that a tool points at."""
