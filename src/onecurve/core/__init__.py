"""The types, the registry and the errors: everything the rooms above share. Needs numpy only."""
