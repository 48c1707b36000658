"""The language server: what an editor asks while a spec is being written."""
