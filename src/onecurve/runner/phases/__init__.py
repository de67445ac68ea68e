"""The phases of a run: plant, solve, calibrate."""
