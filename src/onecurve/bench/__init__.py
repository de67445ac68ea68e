"""The public verbs: plant, open a case, ask, look, solve, grade, run. Every network that they hand on is metered."""
