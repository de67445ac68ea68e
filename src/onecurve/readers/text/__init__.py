"""Readers of words."""
