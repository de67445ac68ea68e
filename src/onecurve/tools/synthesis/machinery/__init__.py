"""Parts that feature visualisation methods share."""
