"""The compiler: from a spec's text to an applied plan."""
