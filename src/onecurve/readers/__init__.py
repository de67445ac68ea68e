"""Readers: from evidence to an answer, without the network unless the question asks for one."""
