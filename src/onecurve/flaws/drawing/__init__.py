"""Drawing: what triggers, decoys and attributes look like."""
