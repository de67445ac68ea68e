"""Where the rows of a run may lie: one module per kind of database, and what they share."""
