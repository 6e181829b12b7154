"""A game of two files, as a reader of CONTRIBUTING.md would add one."""
