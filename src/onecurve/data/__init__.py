"""Sets of images by name or path: drawn, bundled, or a person's own. All seeded, checked at the door."""
