"""What every backend of published tables shares; where they are kept is the backend's own."""
