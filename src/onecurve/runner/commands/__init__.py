"""What the smaller commands do: check, plant, sample, harden, list."""
