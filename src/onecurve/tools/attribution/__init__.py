"""Attribution methods: which pixels of an input determine the output. One method, or closely related methods, per file."""
