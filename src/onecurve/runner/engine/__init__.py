"""Jobs, the pool of worker processes, and what runs inside a worker."""
