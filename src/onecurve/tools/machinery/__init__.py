"""Parts that all families of tools share."""
