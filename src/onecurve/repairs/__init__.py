"""Repairs: solvers that return a network, repaired or simplified. One entry per file; shared parts are in `machinery`."""
