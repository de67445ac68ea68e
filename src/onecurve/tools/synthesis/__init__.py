"""Feature visualisation: tools that paint what a class or unit responds to."""
