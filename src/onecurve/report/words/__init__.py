"""Names, numbers and sentences of the report."""
