"""Readers turn evidence into an answer. They get the network only if the question asks for a network."""
