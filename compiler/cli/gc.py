"""``stackc gc``: remove what nothing uses any more."""
