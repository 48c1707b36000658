"""Lowering is total: what a field of the language says is done, or refused before anything runs."""
