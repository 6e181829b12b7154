"""Several devices that share a batch: they end with the weights of one, and stop in good order."""

import io
import json
import os
import signal
import subprocess
import zipfile

import h5py
import numpy as np
import pytest

from devices import __main__ as launch
from devices import cluster
from devices.distribution import Devices, lost_worker
from games import OptionError
from tests.support import program
from tests.support.program import DCGAN, DEVICES, refused, run_apart, start, succeeded

TINY = (
    *("--mode", "train", *program.TINY["trio"]),
    *("--conditioning", "auxiliary", "--r1_gamma", 0),  # no critic, no second derivatives: shorter
)
SHARED = (*TINY, "--distribute", "multiworker", "--path", "run")
# A command line that also writes down, of each worker, the weights that its game ends with.
WITNESS = """
import sys
import numpy as np
import dcgan
from devices import cluster, startup
startup.load_tensorflow = lambda load=startup.load_tensorflow, **first: (load(**first), watch())
def watch():
    from training import loop
    def train(*arguments, train=loop.train, **options):
        game, stopped_by = train(*arguments, **options)
        np.savez(f"weights-{cluster.read().index}.npz", *game.get_weights())
        return game, stopped_by
    loop.train = train
sys.exit(dcgan.main(sys.argv))
"""


def launched(folder, *words, script=DCGAN[0], workers=2):
    """Runs a script by several workers; returns the finished process."""
    return run_apart(DEVICES, workers, "--", script, *words, folder=folder, timeout=600)


def checkpoint(folder):
    """Every number in a run's checkpoint, by name."""
    content = zipfile.ZipFile(folder / "checkpoint.keras").read("model.weights.h5")
    numbers = {}

    def keep(name, node):
        if isinstance(node, h5py.Dataset):
            numbers[name] = np.array(node)

    with h5py.File(io.BytesIO(content)) as file:
        file.visititems(keep)
    return numbers


def rows(folder):
    return [json.loads(line) for line in (folder / "stats.jsonl").open()]


def assert_same_end(one, other):
    """Two runs hold the same numbers up to rounding."""
    one, other = checkpoint(one), checkpoint(other)
    assert one.keys() == other.keys() and len(one) > 50
    for name in one:
        np.testing.assert_allclose(one[name], other[name], rtol=1e-4, atol=2e-6, err_msg=name)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The folder of six steps of the trio by one process."""
    folder = tmp_path_factory.mktemp("alone")
    succeeded(program.run(*TINY, "--steps", 6, "--path", "run", folder=folder))
    return folder / "run"


@pytest.mark.slow
def test_two_workers_end_with_the_weights_of_one_process(alone, tmp_path):
    """Both of them, to the last bit alike; and only the chief speaks and writes."""
    script = tmp_path / "witness.py"
    script.write_text(WITNESS)
    said = succeeded(launched(tmp_path, *SHARED, "--steps", 6, script=script))
    assert said.count("training the trio on digits on 2 devices of 2 workers into run") == 1
    assert said.count("done, 6 steps") == 1
    assert_same_end(alone, tmp_path / "run")
    chief, other = (np.load(tmp_path / f"weights-{index}.npz") for index in (0, 1))
    assert len(chief.files) > 30
    for name in chief.files:
        np.testing.assert_array_equal(chief[name], other[name])
    # What they report is of the whole batch, and of all validation images.
    (here,), (there,) = rows(alone), rows(tmp_path / "run")
    assert here.keys() == there.keys()
    for name in here.keys() - {"images/s"}:
        assert there[name] == pytest.approx(here[name], rel=1e-4), name
    files = [{path.name for path in folder.iterdir()} for folder in (alone, tmp_path / "run")]
    assert files[0] == files[1]
    records = [json.loads((f / "config.json").read_text()) for f in (alone, tmp_path / "run")]
    assert records[0]["config"] == records[1]["config"]
    assert [r["played_on"] for r in records] == ["1 device", "2 devices of 2 workers"]


@pytest.mark.slow
def test_a_run_goes_on_with_another_number_of_devices(dcgan, alone, tmp_path):
    succeeded(launched(tmp_path, *SHARED, "--steps", 2))
    succeeded(launched(tmp_path, *SHARED, "--steps", 4, "--resume"))
    succeeded(dcgan(*TINY, "--path", "run", "--steps", 6, "--resume"))
    assert [row["step"] for row in rows(tmp_path / "run")] == [2, 4, 6]
    assert_same_end(alone, tmp_path / "run")


@pytest.mark.slow
def test_the_critic_is_the_same_as_well(dcgan, tmp_path):
    """It learns after the game; with 1,000 steps roundings have grown."""
    words = ("--conditioning", "projection", "--steps", 2)
    succeeded(dcgan(*TINY, *words, "--path", "one"))
    succeeded(launched(tmp_path, *SHARED, *words))
    import keras

    one, two = (
        keras.saving.load_model(tmp_path / f / "discriminator.keras") for f in ("one", "run")
    )
    for left, right in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_allclose(left, right, atol=0.02)


def begun(folder):
    """A run by two workers that has saved its first epoch: the launcher, and its workers' ids."""
    launcher = start(DEVICES, 2, "--", *DCGAN, *SHARED, "--steps", 100_000, folder=folder)
    program.wait_for(launcher, "epoch 1,")
    found = subprocess.run(["pgrep", "-P", str(launcher.pid)], capture_output=True, text=True)
    return launcher, list(map(int, found.stdout.split()))


@pytest.mark.slow
@pytest.mark.parametrize("lost", [0, 1])
def test_a_lost_worker_ends_the_run_in_one_line_and_the_checkpoint_stays(tmp_path, lost):
    launcher, workers = begun(tmp_path)
    os.kill(workers[lost], signal.SIGKILL)
    _, said = launcher.communicate(timeout=600)
    assert launcher.returncode == 1
    assert said.startswith(f"dcgan.py: worker {lost} was lost")
    assert said.count("\n") == 1 and "--resume" in said and "run/checkpoint.keras" in said
    assert len(checkpoint(tmp_path / "run")) > 50


@pytest.mark.slow
@pytest.mark.parametrize("to", ["launcher", "worker"])
def test_a_signal_to_any_of_them_ends_all_at_the_same_step_saved(tmp_path, to):
    launcher, workers = begun(tmp_path)
    os.kill(launcher.pid if to == "launcher" else workers[1], signal.SIGINT)
    shown, said = launcher.communicate(timeout=600)
    assert (launcher.returncode, said) == (130, "")
    step = rows(tmp_path / "run")[-1]["step"]
    assert f"interrupted at step {step}, and saved" in shown
    assert "--distribute multiworker --resume" in shown


MIRRORED = """
import sys
import keras, numpy as np, tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
from devices.distribution import Devices, mirrored
from tests.support import games

GAMES = {
    "gan": lambda: games.tiny_gan(optimizer=games.adam, r1_gamma=1.0, translation=1),
    "wasserstein": lambda: games.tiny_gan(loss="wasserstein"),
    "relativistic": lambda: games.tiny_gan(loss="relativistic", r1_gamma=0.5, spectral_norm=True),
    "relativistic_all": lambda: games.tiny_gan(loss="relativistic_all", r1_gamma=0.5),
    "trio": lambda: games.tiny_trio(
        optimizer=games.adam, r1_gamma=0.5, classifier_translation=1
    ),
    "none": lambda: games.tiny_trio(conditioning="none"),
    "robust": lambda: games.tiny_robust(translation=1),
    "trades": lambda: games.tiny_robust(loss="trades"),
    "attacked": lambda: games.tiny_attacked(optimizer=games.adam, r1_gamma=0.5),
    "robgan": lambda: games.tiny_robgan(r1_gamma=0.1),
    "batch_norm": lambda: games.tiny_robgan(batch_norm=True, steps=1),
    "finetune": lambda: games.tiny_finetuning(fake_weight=1.0),
}
how, names = sys.argv[1], sys.argv[2:]
images, labels = games.real_batch(batch=16)
devices = Devices(mirrored())
assert devices.count == 2 and str(devices) == "2 devices"
batches = tf.data.Dataset.from_tensors((images, labels)).repeat()
for name in names:
    one, two = GAMES[name](), devices.build(GAMES[name])
    first = games.state(two)
    for game, feed in ((one, Devices().feed), (two, devices.feed)):
        stream = feed(lambda share: share(batches))
        if how == "fit":
            game.reports = game.fit(stream, steps_per_epoch=3, verbose=0, shuffle=False).history
        else:
            run = tf.distribute.get_strategy().run if game is one else devices.strategy.run
            iterator = iter(stream)
            run(game.train_step, args=(next(iterator),))
            game.reports = {mean.name: mean.result() for mean in game.means.values()}
    before, after = games.state(one), games.state(two)
    assert before.keys() == after.keys()
    for owner in before:
        for left, right in zip(before[owner], after[owner], strict=True):
            np.testing.assert_allclose(left, right, rtol=1e-3, atol=2e-5, err_msg=f"{name} {owner}")
    for mean, value in one.reports.items():
        np.testing.assert_allclose(two.reports[mean], value, rtol=1e-4, atol=1e-6, err_msg=mean)
    assert games.moved(first, after)
    print("same", name, flush=True)
"""
GAMES = ("trio", "attacked", "batch_norm", "robust")  # the others' turns are among theirs
OTHER_RULES = (
    *("gan", "wasserstein", "relativistic", "relativistic_all"),
    *("none", "trades", "robgan", "finetune"),
)


def mirrored(folder, how, names):
    """Plays tiny games on one and on two virtual devices, and compares them."""
    (folder / "mirrored.py").write_text(MIRRORED)
    answer = run_apart(("mirrored.py",), how, *names, folder=folder, timeout=1800)
    assert answer.returncode == 0, answer.stderr  # where TensorFlow says that eager play is slow
    assert answer.stdout.split("\n")[:-1] == [f"same {name}" for name in names]


def test_every_game_is_the_same_on_two_devices(tmp_path):
    """One step, each device its half of the batch; slow tests play on."""
    mirrored(tmp_path, "eagerly", GAMES)


@pytest.mark.slow
def test_fit_is_the_same_on_two_devices(tmp_path):
    mirrored(tmp_path, "fit", GAMES + OTHER_RULES)


def test_a_batch_that_cannot_be_shared_is_refused_by_name():
    devices = Devices()
    devices.count = 3
    devices.check(15)
    with pytest.raises(OptionError, match="--batch_size 16: is shared by 3 devices.*such as 15"):
        devices.check(16)


@pytest.mark.slow
def test_one_device_shares_nothing_and_says_so(tmp_path):
    words = (*TINY, "--steps", 2, "--path", "run", "--distribute", "mirrored")
    assert "digits on 1 device into" in succeeded(run_apart(DCGAN, *words, folder=tmp_path))


TWO = {"worker": ["one:1", "two:2"]}
BAD = {
    "": "must say who the workers are",
    "{": "is not understood",
    "[]": "is not understood",
    json.dumps({"cluster": TWO}): "lacks 'task'",
    json.dumps({"cluster": TWO, "task": {"type": "worker", "index": 2}}): "no index 2",
    json.dumps({"cluster": TWO, "task": {"type": "ps", "index": 0}}): "other than worker",
    json.dumps({"cluster": {"worker": ["one"]}, "task": {"type": "worker", "index": 0}}): "'one'",
}


@pytest.mark.parametrize(("text", "says"), BAD.items(), ids=list(BAD.values()))
def test_a_cluster_that_is_none_is_told_in_one_line(text, says):
    with pytest.raises(OptionError) as refusal:
        cluster.read({"TF_CONFIG": text})
    assert says in str(refusal.value) and "TF_CONFIG" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_cluster_is_read_as_it_was_written():
    written = cluster.Cluster(("10.0.0.1:2222", "[::1]:2222"), 1)
    assert cluster.read({"TF_CONFIG": written.as_text()}) == written


def test_without_a_cluster_the_command_line_refuses(dcgan, tmp_path, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", "")
    answer = dcgan(*TINY, "--distribute", "multiworker")
    refused(answer, 2, "--distribute multiworker", "TF_CONFIG", "python -m devices")
    assert list(tmp_path.iterdir()) == []
    refused(dcgan("--mode", "generate", "--distribute", "mirrored"), 2, "--mode train")


SAYS = """
import json, os, sys
index = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
print("all say this", file=sys.stderr)
print("only", index, "says this", file=sys.stderr)
sys.exit(index and int(sys.argv[1]))
"""


@pytest.mark.parametrize("status", [0, 3])
def test_the_launcher_shows_each_line_once_and_returns_the_status(tmp_path, status):
    (tmp_path / "says.py").write_text(SAYS)
    run = launched(tmp_path, status, script="says.py", workers=3)
    assert run.returncode == status
    said = sorted(run.stderr.splitlines())
    assert said == ["all say this", *(f"only {index} says this" for index in range(3))]


def test_the_launcher_ends_those_who_wait_for_a_worker_that_failed(tmp_path, monkeypatch):
    monkeypatch.setattr(launch, "GRACE", 0.1)
    (tmp_path / "wait.py").write_text(
        "import json, os, sys, threading\n"
        "index = json.loads(os.environ['TF_CONFIG'])['task']['index']\n"
        "sys.exit(5) if index else threading.Event().wait()\n"
    )
    options = launch.parse(["devices", "--workers", "2", "--", str(tmp_path / "wait.py")])
    assert launch.launch(options) == 5


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ([], "--workers"),
        (["--workers", "0", "--", "dcgan.py"], "'0'"),
        (["--workers", "2"], "command"),
    ],
)
def test_a_bad_launch_is_one_line(capsys, words, named):
    assert launch.main(["devices", *words]) == 2
    said = capsys.readouterr().err
    assert said.startswith("devices: ") and named in said and said.count("\n") == 1


def test_an_error_names_the_worker_that_it_is_about():
    assert lost_worker(Exception("from /job:worker/replica:0/task:7: closed")) == "worker 7"
    assert lost_worker(Exception("Socket closed")) == "a worker"
