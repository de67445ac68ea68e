"""Rows, blobs, keys and migrations."""
