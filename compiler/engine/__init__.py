"""State, store, plan and apply."""
