"""Readers of heat maps."""
