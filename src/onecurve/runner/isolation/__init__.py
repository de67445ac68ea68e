"""What keeps a cell from the truth, from the network and from other processes, where the system can do so (Linux)."""
