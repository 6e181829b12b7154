"""`python -m crypto ...` is short for `python dcgan.py --game crypto ...`."""

import sys

from dcgan import main

if __name__ == "__main__":
    sys.exit(main([sys.argv[0], "--game=crypto", *sys.argv[1:]]))
