"""The run folder: its record, two checkpoints of the whole game, and the agents to use."""

import contextlib
import os
import sys

import games
import models
from cli.terminal import command
from images.writing import save_atomically
from models.game import Game
from training import reading
from training.reading import RunError
from training.record import Record

__all__ = ["Onlooker", "Run", "RunError"]


class Run(Record):
    """A folder with everything that a training has made; arguments as `Record`."""

    @property
    def finetuned(self):
        """Run, the fine-tuning of this one's agents."""
        return Run(self.path / "finetuned")

    def clear(self):
        """Removes what an earlier run made here, and nothing else."""
        for file in self._made():
            file.unlink(missing_ok=True)
        finetuned = self.finetuned
        if finetuned._is_ours():
            finetuned.clear()  # its agents came from this run, which is replaced

    def save(self, game):
        """Writes the checkpoint of the whole game, then each agent to use.

        The previous checkpoint is kept beside it, in case this one is damaged.

        Raises:
            RunError: for instance, if the disk is full; the earlier files stay as they were.
        """

        def write(temporary):
            game.save(temporary)
            reading.stamp(temporary, step=int(game.step), game=type(game).__name__)
            self._keep_previous()

        self._write(self.checkpoint_file, write)
        self.newest_is_damaged = False
        for name, agent in game.agents_to_save().items():
            self.save_agent(name, agent, game.step)

    def _keep_previous(self):
        """Gives the checkpoint a second name, which it keeps when the next takes the first."""
        if self.newest_is_damaged or not reading.is_regular(self.checkpoint_file):
            return
        second = self.path / f".{self.previous_checkpoint_file.stem}-{os.getpid():08d}.keras"
        second.unlink(missing_ok=True)
        try:
            os.link(self.checkpoint_file, second)
            second.replace(self.previous_checkpoint_file)
        except OSError:  # there are file systems without links
            self.checkpoint_file.replace(self.previous_checkpoint_file)

    def save_agent(self, name, agent, step, **more):
        """Writes one of the agents to use, with the step that it belongs to.

        Args:
            name: str.
            agent: keras.Model.
            step: int, of the game.
            **more: further facts for `agent_stamp`.
        Raises:
            RunError: if it cannot be written.
        """

        def write(temporary):
            agent.save(temporary)
            reading.stamp(temporary, agent=name, step=int(step), **more)

        self._write(self.path / f"{name}.keras", write)

    def _write(self, file, write):
        try:
            save_atomically(file, write)
        except (OSError, RuntimeError, ValueError) as error:  # h5py raises errors of its own
            reason = getattr(error, "strerror", None) or " ".join(str(error).split())[:120]
            raise RunError(
                f"{file}: cannot be written ({reason}); make room, and go on with --resume"
            ) from error

    def agent_stamp(self, name):
        """What `save_agent` wrote into an agent's file besides the agent; {} if there is none."""
        return reading.read_stamp(self.path / f"{name}.keras")

    def outdated(self, game):
        """Names of the agents whose files are missing or belong to another step."""
        names = game.agents_to_save()
        return [name for name in names if self.agent_stamp(name).get("step") != game.step]

    def complete(self, game):
        """Writes what a training that was killed after its last checkpoint did not get to write.

        Args:
            game: as `load_game` returns it.
        Raises:
            RunError: if it cannot be written.
        """
        if self.newest_is_damaged:
            self.save(game)
        agents = game.agents_to_save()
        for name in self.outdated(game):
            self.save_agent(name, agents[name], game.step)

    def load_game(self, announce=lambda line: None):
        """The game as it was at its last checkpoint, optimizers and all.

        Args:
            announce: callable for one line of text, which says so if the last checkpoint is damaged
                and the previous one is used.
        Raises:
            RunError: if there is no checkpoint, none can be read, or it is of another game.
        """
        self.refuse_to_resume()
        try:
            return self._load_checkpoint(self.checkpoint_file)
        except RunError as error:
            if not self.previous_checkpoint_file.exists():
                raise
            try:
                game = self._load_checkpoint(self.previous_checkpoint_file)
            except RunError:
                raise error from None
            self.newest_is_damaged = True
            why = str(error).rpartition(";")[0]
            announce(f"{why}; using {self.previous_checkpoint_file.name}, of step {game.step}")
            return game

    def _load_checkpoint(self, file):
        remedy = "train again with --overwrite"
        self.register_classes()
        return self._checked(reading.load_model(file, remedy), file, remedy)

    def _checked(self, game, file, remedy):
        """A loaded game, if it is the one that config.json names."""
        expected = self.read_config().game
        if not isinstance(game, Game) or game.options.game != expected:
            found = game.options.game if isinstance(game, Game) else type(game).__name__
            raise RunError(f"{file}: holds {found}, config.json says {expected}; {remedy}")
        return game

    def register_classes(self):
        """Imports the module of this run's game, whose classes its files refer to."""
        models.module_of(self.read_config().game)

    def command(self, *words):
        """The command that trains here, with further words, to be pasted into a shell."""
        game, mode, path = games.GAMES[self.read_config().game], "train", self.path
        if game.parent is not None:
            game, mode, path = games.GAMES[game.parent], "finetune", path.parent
        return command("--mode", mode, "--game", game.name, "--path", path, *words)

    def load_agent(self, name):
        """One of the agents to use, such as "generator".

        Warns on standard error if the agent and the checkpoint belong to different steps.

        Raises:
            RunError: if the agent is missing or damaged, or is another one or another run's.
        """
        file, remedy = self.path / f"{name}.keras", "train one with --mode train"
        self.register_classes()
        agent = reading.load_model(file, remedy)
        reading.check_agent(
            agent,
            file,
            name,
            remedy,
            image_shape=self.image_shape(),
            num_classes=len(self.class_names()),
        )
        step = self.agent_stamp(name).get("step")
        saved = reading.read_stamp(self.checkpoint_file).get("step", step)
        if step is not None and step != saved:
            print(
                f"warning: {file} is of step {step}, the checkpoint of step {saved}; this writes"
                f" both anew: {self.command('--resume')}",
                file=sys.stderr,
            )
        return agent


class Onlooker(Run):
    """A run folder for workers other than the chief, which only read what the chief writes."""

    def _leave(self, *arguments, **options):
        """Does nothing: the chief does it."""

    start = clear = append_stats = forget_stats_after = save = save_agent = complete = _leave

    @contextlib.contextmanager
    def locked(self):
        """The chief holds the lock."""
        yield
