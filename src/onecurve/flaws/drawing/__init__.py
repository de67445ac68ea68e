"""What triggers, decoys and attributes look like."""
