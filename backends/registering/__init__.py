"""What every backend of registered models shares; where they are kept is the backend's own."""
