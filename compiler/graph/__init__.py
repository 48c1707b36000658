"""The typed, content-addressed graph: the only thing that later stages see."""
