"""Speed, compared with peers."""
