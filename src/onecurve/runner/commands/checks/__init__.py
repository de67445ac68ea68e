"""The contract checks, one file per role, and the toy case that they use."""
