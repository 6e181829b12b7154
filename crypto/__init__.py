"""Alice, Bob and Eve: a learned secret that is proved, not assumed; `python -m crypto`."""
