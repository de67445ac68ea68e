"""From rows to pages; nothing here triggers a run."""
