"""Parts that the readers share."""
