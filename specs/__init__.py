"""The language: one module per kind of block."""
