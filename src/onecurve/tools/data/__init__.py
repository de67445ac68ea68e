"""A plain look at the data: tools that need no gradient and no search."""
