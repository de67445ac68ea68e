"""Tools that only run the network on clean data: no gradients, no search."""
