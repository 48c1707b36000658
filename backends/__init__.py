"""Target systems: one folder or module per backend."""
