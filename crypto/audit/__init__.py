"""The audit: how much a cipher leaks, by counting."""
