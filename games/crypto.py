"""Alice and Bob learn to keep a secret from Eve."""

import dataclasses
import re
from typing import ClassVar

from games import option as o
from games.base import Game, Options

MOST_ATTEMPTS = 31  # as many as `crypto.game.AliceBobEve` has seeds for
ROUNDS_PER_STEP = 100  # between two looks at Ctrl-C
MOST_BITS = 20  # of a block or a key: the exact audit counts all their ciphertexts


@dataclasses.dataclass(frozen=True)
class CryptoOptions(Options):
    """Options of Alice, Bob and Eve."""

    LENGTHS: ClassVar = ("rounds", "attempts")

    preset: str = o.option("secret", "Who plays, and by which losses.")
    message_bits: int = o.option(16, "Bits of a block of plaintext.", low=2, high=MOST_BITS)
    key_bits: int = o.option(16, "Bits of the key of a block.", low=1, high=MOST_BITS)
    rounds: int = o.option(4000, "Most rounds of an attempt.", low=1, high=100_000_000)
    attempts: int = o.option(
        16, "Most attempts from new weights, while it leaks.", low=1, high=MOST_ATTEMPTS
    )
    audit_every: int = o.option(
        500, "Rounds between two audits.", low=ROUNDS_PER_STEP, high=1_000_000
    )
    batch_size: int = o.option(256, "Messages per turn.", low=2, high=65_536)
    learning_rate: float = o.option(5e-3, "Adam's step size for Alice and Bob.", low=1e-8, high=1)
    eve_learning_rate: float = o.option(3e-3, "Adam's step size for Eve.", low=1e-8, high=1)
    secrecy: float = o.option(
        16.0, "Weight of what Eve knows in the loss of Alice and Bob.", low=1e-3, high=1e6
    )
    noise: float = o.option(
        0.2, "Share of the bits that are flipped on their way to Bob at first.", low=0, high=0.5
    )
    noisy_rounds: int = o.option(
        2500, "Rounds until no bits are flipped any more.", low=1, high=100_000_000
    )
    protect: str | None = o.option(
        None, "Bits to keep from Eve, such as 0-7 or 0,3,5-7; all if not given."
    )

    def __post_init__(self):
        super().__post_init__()
        if self.audit_every % ROUNDS_PER_STEP:
            raise o.OptionError(
                f"--audit_every {self.audit_every}: must be a multiple of {ROUNDS_PER_STEP}"
            )
        if self.preset != "secret" and self.message_bits % 2:
            raise o.OptionError(
                f"--message_bits {self.message_bits}: must be even for --preset {self.preset},"
                " whose convolutions halve a length"
            )
        if self.protect is not None:
            if self.preset != "secret":
                raise o.OptionError(f"--protect: is for --preset secret, not {self.preset}")
            parse_bits(self.protect, self.message_bits)

    @property
    def protected(self):
        """Indices of the bits to keep from Eve: tuple of int, rising; all of them by default."""
        if self.protect is None:
            return tuple(range(self.message_bits))
        return parse_bits(self.protect, self.message_bits)


def parse_bits(text, bits):
    """The indices in a list such as 0,3,5-7: some of the bits, but not all.

    Returns:
        tuple of int, rising.
    Raises:
        o.OptionError: one line that says what is wrong with it.
    """
    found: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"([0-9]{1,4})(?:-([0-9]{1,4}))?", part.strip())
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, bits)
        if not first <= last < bits:
            raise o.OptionError(
                f"--protect {text}: must be bits from 0 to {bits - 1}, such as 0-7 or 0,3,5-7"
            )
        found += range(first, last + 1)
    if len(set(found)) < len(found):
        raise o.OptionError(f"--protect {text}: names a bit twice")
    if len(found) == bits:
        raise o.OptionError(f"--protect {text}: names all {bits} bits; leave it out to protect all")
    return tuple(sorted(found))


PUBLISHED = {
    "rounds": 20_000,
    "attempts": 1,
    "batch_size": 1024,  # the paper names 256 to 4,096; the largest takes four times as long
    "learning_rate": 8e-4,
    "eve_learning_rate": 8e-4,
    "secrecy": 1.0,
    "noise": 0.0,
}
# With 16 bits more attempts succeed with noise, with so few bits fewer do. And where some bits are
# open, noise makes Alice send some of them twice, which leaves no room for some protected ones.
SHORT_MESSAGE = 8  # bits


def without_noise(given, preset):
    """No noise for short messages, nor if some bits are open."""
    bits = given.get("message_bits", CryptoOptions.message_bits)
    return {"noise": 0.0} if bits <= SHORT_MESSAGE or "protect" in given else {}


CRYPTO = Game(
    name="crypto",
    title="the cipher",
    says="Alice and Bob learn to keep a secret from Eve:\n"
    "an experiment, NOT cryptography to rely on",
    options=CryptoOptions,
    model="crypto.game",
    players=("alice", "bob"),
    listeners=("eve",),
    modes=("train", "send", "receive", "audit", "transcript", "export"),
    presets={"secret": {}, "paper": PUBLISHED, "release": PUBLISHED},
    adapt=without_noise,
    classifier=None,
    labelled=False,
    next_mode="send hello",
)
