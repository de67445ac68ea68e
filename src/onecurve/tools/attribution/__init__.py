"""Attribution: which pixels of an input matter. One method or close family of methods per file."""
