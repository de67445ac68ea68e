"""Bundles: a finished result with all that somebody else needs to check it."""
