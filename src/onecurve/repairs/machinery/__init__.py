"""Parts that the repairs share."""
