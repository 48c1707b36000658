"""One self-contained HTML page of a stack: no script, no network, no foreign font."""
