"""The command line: flags, refusals in one line, help, the exit status."""
