"""Parts that looks at data share."""
