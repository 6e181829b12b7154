"""Frozen options of a run of `python -m crypto`, and its presets. No TensorFlow here."""

import dataclasses
import re

from games.fields import ConfigError, check, option

PRESETS = ("secret", "paper", "release")
MOST_ATTEMPTS = 31  # as many as `game.AliceBobEve` has salts for
ROUNDS_PER_STEP = 100  # between two looks at Ctrl-C
MOST_MESSAGE_BITS = 20  # whose ciphertexts the exact audit still counts one by one
MOST_KEY_BITS = 20


@dataclasses.dataclass(frozen=True)
class CryptoConfig:
    """Every option of a training run; validated when built.

    Raises:
        ConfigError: if a value is out of range.
    """

    preset: str = option("secret", "Who plays, and by which losses.", choices=PRESETS)
    seed: int = option(0, "From which every random number is drawn.", low=0, high=1_000_000)
    message_bits: int = option(16, "Bits of a block of plaintext.", low=2, high=MOST_MESSAGE_BITS)
    key_bits: int = option(16, "Bits of the key of a block.", low=1, high=MOST_KEY_BITS)
    rounds: int = option(4000, "Rounds of an attempt, at most.", low=1, high=100_000_000)
    attempts: int = option(
        16,
        "Times to start from new weights, at most, if it still leaks.",
        low=1,
        high=MOST_ATTEMPTS,
    )
    audit_every: int = option(
        500, "Rounds between two audits.", low=ROUNDS_PER_STEP, high=1_000_000
    )
    batch_size: int = option(256, "Messages of a turn.", low=2, high=65_536)
    learning_rate: float = option(5e-3, "Adam's step size for Alice and Bob.", low=1e-8, high=1)
    eve_learning_rate: float = option(3e-3, "Adam's step size for Eve.", low=1e-8, high=1)
    secrecy: float = option(
        16.0, "Weight of what Eve knows in Alice and Bob's loss.", low=1e-3, high=1e6
    )
    noise: float = option(
        0.2, "Share of the bits that are turned on their way to Bob at first.", low=0, high=0.5
    )
    noisy_rounds: int = option(2500, "Rounds of an attempt until none is.", low=1, high=100_000_000)
    protect: str | None = option(
        None, "Bits to keep from Eve, such as 0-7 or 0,3,5-7; if not given, all."
    )

    def __post_init__(self):
        for field in dataclasses.fields(self):
            check([field], getattr(self, field.name))
        if self.audit_every % ROUNDS_PER_STEP:
            raise ConfigError(
                f"--audit_every {self.audit_every}: must be a multiple of {ROUNDS_PER_STEP}"
            )
        if self.preset != "secret" and self.message_bits % 2:
            raise ConfigError(
                f"--message_bits {self.message_bits}: must be even for --preset {self.preset},"
                " whose convolutions halve a length"
            )
        if self.protect is not None:
            if self.preset != "secret":
                raise ConfigError(f"--protect: is for --preset secret, not {self.preset}")
            parse_bits(self.protect, self.message_bits)

    @property
    def protected(self):
        """Indices of the bits to keep from Eve: tuple of int, rising; all of them by default."""
        if self.protect is None:
            return tuple(range(self.message_bits))
        return parse_bits(self.protect, self.message_bits)


def parse_bits(text, bits):
    """The indices in a list such as 0,3,5-7: some of so many bits, and not all.

    Returns:
        tuple of int, rising.
    Raises:
        ConfigError: one line that says what is wrong with it.
    """
    found: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"([0-9]{1,4})(?:-([0-9]{1,4}))?", part.strip())
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, bits)
        if not first <= last < bits:
            raise ConfigError(
                f"--protect {text}: must be bits from 0 to {bits - 1}, such as 0-7 or 0,3,5-7"
            )
        found += range(first, last + 1)
    if len(set(found)) < len(found):
        raise ConfigError(f"--protect {text}: names a bit twice")
    if len(found) == bits:
        raise ConfigError(f"--protect {text}: names all {bits} bits; for that, leave it out")
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
OPTIONS_OF = {"secret": {}, "paper": PUBLISHED, "release": PUBLISHED}
# Of 16 bits more attempts succeed with noise, of so few less. And where some are open, Alice says
# some bits twice with noise, and none of the wire is left for some protected ones.
SHORT_MESSAGE = 8  # bits
SILENT = {"noise": 0.0}
FIELDS = {field.name: field for field in dataclasses.fields(CryptoConfig)}


def from_preset(preset, **given):
    """The preset's options, overruled by those given.

    Args:
        preset: one of `PRESETS`.
        **given: fields of `CryptoConfig`; None means not given.
    Returns:
        CryptoConfig.
    Raises:
        ConfigError: as `CryptoConfig`.
    """
    if preset not in PRESETS:
        raise ConfigError(f"--preset {preset}: must be one of {', '.join(PRESETS)}")
    given = {name: value for name, value in given.items() if value is not None}
    short = given.get("message_bits", FIELDS["message_bits"].default) <= SHORT_MESSAGE
    noise = SILENT if short or "protect" in given else {}
    return CryptoConfig(**{**OPTIONS_OF[preset], **noise, **given, "preset": preset})
