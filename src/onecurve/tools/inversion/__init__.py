"""Trigger inversion: tools that search for an input change that sends images to a class."""
