"""Thin commands; no torch at import."""
