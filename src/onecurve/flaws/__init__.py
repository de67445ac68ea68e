"""Flaws and how they are planted: they are sampled by seed, inserted, measured, and admitted or refused."""
