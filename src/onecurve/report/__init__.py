"""From rows and stored evidence to a folder of pages that opens from disk."""
