"""Flaws and how they are planted: sampled by seed, measured, admitted or refused."""
