"""A message goes piece by piece, with a line now and then of how far it is. No TensorFlow."""

import time

PIECE = 1 << 14  # blocks at a time; a multiple of 8, so that each piece is whole bytes
EVERY = 5.0  # seconds between two lines of progress


def piece_lengths(length, bits):
    """The bytes of each piece of a message; every piece but the last has `PIECE` blocks."""
    whole = max(8, PIECE // 8 * 8) * bits // 8
    return [min(whole, length - at) for at in range(0, length, whole)]


class Progress:
    """Says now and then how far the work on a message is and how long the rest will take.

    Args:
        done: str, what is done to the message.
        total: int, bytes.
        announce: callable, given a line.
    """

    def __init__(self, done, total, announce):
        self.done, self.total, self.announce = done, total, announce
        self.bytes = 0
        self.started = self.said = time.monotonic()

    def advance(self, length):
        """Counts further bytes."""
        self.bytes += length
        now = time.monotonic()
        if now - self.said >= EVERY and self.bytes < self.total:
            left = (now - self.started) * (self.total - self.bytes) / self.bytes
            self.announce(
                f"{self.done} {self.bytes / 1e6:.0f} of {self.total / 1e6:.0f} MB,"
                f" {left:.0f} s left"
            )
            self.said = now
