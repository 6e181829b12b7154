"""The run folder of a cipher: as every run's, with Alice, Bob and Eve in it."""

import pathlib

from crypto import game as _game  # noqa: F401  registers the classes that a checkpoint holds
from crypto.ciphers import learned_cipher
from crypto.config import CryptoConfig
from games.fields import ConfigError
from training import run_folder

AGENTS = ("alice", "bob", "eve")


class CryptoRun(run_folder.Run):
    """A folder with all that a training of `python -m crypto` has made.

    Args:
        path: as `runs.Run`.
    """

    def __init__(self, path):
        super().__init__(path)
        self.agent_files = [self.path / f"{agent}.keras" for agent in AGENTS]
        self.curve_file = self.path / "training.png"

    @property
    def has_agents(self):
        """Whether all three are here."""
        return all(file.exists() for file in self.agent_files)

    def start(self, config, class_names=(), played_on="1 device"):
        """Writes config.json, as `runs.Run.start`."""
        super().start(config, class_names, played_on)

    def clear(self):
        """Removes what an earlier run made here, and nothing else."""
        super().clear()
        self.curve_file.unlink(missing_ok=True)

    def read_config(self):
        """The run's CryptoConfig.

        Raises:
            RunError: if there is none, or it is not one of this program and version.
        """
        record = self.read_record()
        try:
            return CryptoConfig(**record["config"])
        except (ConfigError, TypeError, KeyError) as error:
            raise run_folder.RunError(
                f"{self.config_file}: is not a run of this program and version ({error})"
            ) from None

    def load_game(self):
        """The game as it was at its last checkpoint, optimizers and all."""
        return self.load_agent(self.checkpoint_file.stem)

    def load_cipher(self):
        """The cipher of Alice and Bob: ciphers.Cipher.

        Raises:
            RunError: if an agent is missing or damaged.
        """
        alice, bob = self.load_agent("alice"), self.load_agent("bob")
        return learned_cipher(alice, bob, binary=self.read_config().preset == "secret")


def default_path(preset):
    """Where a run goes that was given no --path."""
    return pathlib.Path("runs") / f"crypto-{preset}"


def find(preset, path=None):
    """The run whose cipher a user means: that of `path`, of the preset, or the supplied one.

    Returns:
        (CryptoRun, bool): the run, and whether it is the pretrained one of assets/pretrained/.
    Raises:
        RunError: if there is none.
    """
    run = CryptoRun(path or default_path(preset))
    if run.exists and run.has_agents:
        return run, False
    supplied = CryptoRun(run_folder.PRETRAINED / f"crypto-{preset}")
    if path is not None or not supplied.has_agents:
        raise run_folder.RunError(
            f"{run.path}: holds no trained Alice and Bob;"
            f" train some with python -m crypto --mode train --preset {preset}"
        )
    return supplied, True


def is_supplied(run):
    """Whether a run is one of assets/pretrained/, where nothing is written."""
    return run.path.parent == run_folder.PRETRAINED
