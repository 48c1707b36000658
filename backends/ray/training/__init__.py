"""A fit divided among workers of the cluster: its rows, its workers, its checkpoints."""
