"""A user's own network: looks that train nothing, findings that are tested on fresh images, and how much the looks would have found."""
