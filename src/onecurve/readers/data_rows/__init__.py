"""Readers of groups of inputs: rows of the clean set, and predicates."""
