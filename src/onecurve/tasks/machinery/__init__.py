"""What the tasks share: reference points, controls, figures, graded inputs."""
