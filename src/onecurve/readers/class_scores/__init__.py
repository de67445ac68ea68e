"""Readers of class scores."""
