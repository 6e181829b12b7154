"""Adversarial games: train the agents, look at what they make, measure how good it is.

python dcgan.py --mode train                  three agents play; runs/trio-mnist holds the result
python dcgan.py --mode generate --nice        a grid of their best digits
python dcgan.py --help                        what else there is to do
"""

import sys

from cli.program import main

if __name__ == "__main__":
    sys.exit(main(sys.argv))
