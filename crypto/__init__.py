"""Alice, Bob and Eve: a learned cipher, whose secrecy is counted, not assumed."""
