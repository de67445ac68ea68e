"""Tools that look and solvers that answer directly: one file each."""
