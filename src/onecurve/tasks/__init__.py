"""The six questions an engineer asks, each with its measure, floor and ceiling. Knows the core only."""
