"""Repairs: solvers that hand back a network, mended or made simpler. One entry per file; parts they share are in `machinery`."""
