"""What leaks from a cipher, counted."""
