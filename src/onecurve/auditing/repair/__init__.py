"""Repair on demand: unlearning of verified triggers, judged on images that no step saw, and searched again."""
