"""One run: its loop, its folder, its checkpoints, and what watches over it."""
