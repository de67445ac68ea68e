"""Parts that attribution methods share."""
