"""Parts that trigger inversion methods share."""
