"""What an ordinary shell may do: closed and full outputs, an early Ctrl-C, odd paths."""

import os
import signal
import subprocess
import sys
import time

import pytest

from cli import shell, terminal
from cli.flags import parse
from devices import startup
from games import OptionError
from tests.support.program import ROOT, run, run_apart

WORDS = [sys.executable, str(ROOT / "dcgan.py"), "--help"]


def test_an_output_that_nobody_reads_is_no_error():
    for ending in ("| true", ">&-", ">&- 2>&-"):
        answer = subprocess.run(
            ["bash", "-c", f'"$@" {ending}; exit ${{PIPESTATUS[0]}}', "", *WORDS],
            capture_output=True,
        )
        assert (answer.returncode, answer.stderr) == (0, b""), ending


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no such device")  # noqa: PTH110
def test_an_output_that_is_full_is_one_line():
    answer = subprocess.run(["bash", "-c", '"$@" > /dev/full', "", *WORDS], capture_output=True)
    assert answer.returncode == 1
    assert answer.stderr == b"dcgan.py: standard output: No space left on device\n"


def test_a_broken_pipe_leaves_no_work_undone(monkeypatch):
    class Gone:
        encoding = "utf-8"

        def write(self, text):
            raise BrokenPipeError(32, "Broken pipe")

        flush = write

    monkeypatch.setattr(sys, "stdout", Gone())
    terminal.say("a line")
    with pytest.raises(BrokenPipeError):
        terminal.tell("a line")


@pytest.mark.parametrize("seconds", [0.1, 0.8])
def test_ctrl_c_while_libraries_load_is_one_line(tmp_path, seconds):
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW], cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )
    process.stdout.readline()  # it loads
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    _, complained = process.communicate(timeout=60)
    assert (process.returncode, complained) == (130, b"dcgan.py: interrupted\n")


SLOW = """
import sys, time
from cli import shell
from devices import startup
with shell.ctrl_c_ends("dcgan.py"), startup.silenced_stderr():
    print(flush=True)
    time.sleep(30)
"""


def test_ctrl_c_is_python_s_own_again_once_all_is_loaded():
    before = signal.getsignal(signal.SIGINT)
    with shell.ctrl_c_ends("dcgan.py"):
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


FLAGS = {"generate": ("path", "output", "arrays"), "attack": ("data_dir", "image", "path")}


@pytest.mark.parametrize("place", ["", "~nosuch/x", "a\nb", "x" * 5000, "\x1b[31m"])
@pytest.mark.parametrize("mode", FLAGS)
def test_a_path_that_cannot_be_is_refused_by_every_flag(mode, place):
    for flag in FLAGS[mode]:
        with pytest.raises(OptionError) as caught:
            parse(["dcgan.py", "--mode", mode, f"--{flag}", place])
        assert str(caught.value).startswith(f"--{flag}=")
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 600


def test_a_path_begins_at_home(home):
    options = parse(["dcgan.py", "--mode", "generate", "--path", "~/x y"])
    assert options.path == str(home / "x y")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--mode", "train", "--flagfile=/etc/passwd"), "--flagfile: there is no such flag"),
        (("--mode", "train", "--undefok=x", "--x=3"), "--undefok: there is no such flag"),
        (("--mode", "train", "--resume=maybe"), "--resume=maybe: must be true or false"),
        (("--mode", "train", "--noresume=x"), "--noresume=x does not take an argument"),
        (("--mode", "evaluate", "--samples", "5"), "--robustness does with fewer"),
    ],
)
def test_what_is_not_ours_is_refused(words, named):
    with pytest.raises(OptionError, match=named):
        parse(["dcgan.py", *words])


def test_help_after_two_dashes_is_a_text():
    options = parse(["dcgan.py", "--game", "crypto", "--mode", "send", "--", "--help"])
    assert options.text == "--help"
    assert "--help" not in run("--mode", "nosuch", "--", "--version").stdout


CHECK = """
import gc, os, sys
from devices import startup
startup.load_tensorflow()
assert gc.isenabled() and {"tensorflow", "keras"} <= set(sys.modules)
assert not {"sklearn", "matplotlib"} & set(sys.modules)
import keras, matplotlib.figure, sklearn.ensemble
from keras.src.backend import config
print(keras.backend.backend(), keras.config.floatx(), keras.config.image_data_format(),
      keras.config.epsilon(), config.max_epochs(), os.environ["KERAS_HOME"])
"""


def test_tensorflow_comes_alone_and_the_user_s_keras_changes_nothing(tmp_path):
    """Keras looks for more than it needs, which is a fifth of the time until the first picture."""
    text = '{"floatx": "float16", "image_data_format": "channels_first", "backend": "torch"}'
    (tmp_path / "keras.json").write_text(text)
    answer = run_apart(
        ("-c", CHECK),
        folder=ROOT,
        KERAS_HOME=str(tmp_path),
        KERAS_BACKEND="jax",
        KERAS_MAX_EPOCHS="1",
        MPLBACKEND="nonsense",
    )
    assert answer.stdout == f"tensorflow float32 channels_last 1e-07 None {tmp_path}\n"
    assert answer.stderr == ""
    assert os.environ.get("KERAS_HOME") != startup.PINNED["KERAS_HOME"]
