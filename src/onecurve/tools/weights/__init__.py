"""Looks at the weights alone: no image goes through the network."""
