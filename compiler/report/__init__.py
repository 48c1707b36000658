"""Text, JSON and HTML that people read."""
