"""Plan, workers, resume: the flow of the main job."""
