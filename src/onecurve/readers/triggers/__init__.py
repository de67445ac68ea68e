"""Readers of trigger hypotheses."""
