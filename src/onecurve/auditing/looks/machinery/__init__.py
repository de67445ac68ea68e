"""Parts that the looks of an audit share."""
