"""The report of a large run, made from aggregates."""
