"""A first spec over a file of data: each part with a word on what it is for."""
