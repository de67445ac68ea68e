"""Feature visualisation: tools that synthesise images to which a class or unit responds."""
