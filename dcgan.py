"""Adversarial games: train the agents, look at what they make, measure how good it is.

python dcgan.py --mode train                  three agents play; runs/trio-mnist holds the result
python dcgan.py --mode generate --nice        a grid of their best digits
python dcgan.py --help                        what else there is to do
"""

import sys

from cli import shell


def main(argv):
    """Does what the words say, the program first; returns the exit status."""
    shell.open_streams()
    with shell.ctrl_c_ends("dcgan.py"):
        from cli.program import main as run
    return run(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
