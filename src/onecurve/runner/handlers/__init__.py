"""What worker processes do: trusted jobs may open a truth, untrusted jobs never do."""
