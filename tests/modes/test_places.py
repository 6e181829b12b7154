"""No mode replaces a file that this program did not make, unless the user says so."""

import pytest

from images import writing
from tests.support.files import contents, write_noise
from tests.support.program import refused, succeeded

CIPHER = ("--game", "crypto", "--preset", "secret")
ALICE = ("--mode", "export", *CIPHER, "--agent", "alice", "--format")
# Commands of every mode that writes where the user says, and the files that each writes.
WRITES = {
    ("--mode", "generate", "--samples", "4", "--arrays", "a.npz"): ("generated_image.png", "a.npz"),
    (
        "--mode",
        "interpolate",
    ): ("interpolation.png", "interpolation.gif"),
    ("--mode", "attack", "--image", "in.png", "--attack_steps", "2"): (
        *("attack.png", "attack.npz", "adversarial.png"),
    ),
    ("--mode", "transcript", *CIPHER, "--num_messages", "3", "--output", "t.npz"): ("t.npz",),
    ("--mode", "audit", *CIPHER, "--messages", "1", "--eves", "0", "--output", "a.json"): (
        "a.json",
    ),
    (*ALICE, "onnx"): ("alice.onnx",),
    (*ALICE, "litert"): ("alice.tflite",),
}


@pytest.mark.parametrize(("words", "files"), [*WRITES.items()], ids=str)
def test_only_what_this_program_made_is_replaced(dcgan, trained, tmp_path, words, files):
    if "--game" not in words:
        words = (*words, "--path", trained("trio"))
        write_noise(tmp_path / "in.png")
    for name in files:
        (tmp_path / name).write_bytes(b"a year of work")
        before = contents(tmp_path)
        refused(dcgan(*words), 1, f"{name}: already exists", "--overwrite")
        assert contents(tmp_path) == before
        if name != files[-1]:
            (tmp_path / name).unlink()
    succeeded(dcgan(*words, "--overwrite"))
    for name in files:
        assert writing.is_ours(tmp_path / name)
        writing.Target(tmp_path / name, anew=True).check()  # and so it may be made again


def test_a_folder_is_replaced_only_if_it_is_a_savedmodel(dcgan, tmp_path):
    words, folder = (*ALICE, "savedmodel"), tmp_path / "alice.savedmodel"
    succeeded(dcgan(*words))
    (folder / "assets.extra" / "made_by.txt").unlink()
    refused(dcgan(*words), 1, "alice.savedmodel: already exists", "--overwrite")
    succeeded(dcgan(*words, "--overwrite"))
    (folder / "saved_model.pb").unlink()
    refused(dcgan(*words, "--overwrite"), 1, "holds something else")


def test_evaluate_asks_before_it_measures(dcgan, trained, tmp_path):
    (tmp_path / "out").mkdir()
    words = ("--mode", "evaluate", "--path", trained("trio"), "--samples", 100, "--output", "out")
    for name, more in {"confusion.png": (), "robustness.json": ("--robustness",)}.items():
        (tmp_path / "out" / name).write_bytes(b"mine")
        answer = dcgan(*words, *more)
        refused(answer, 1, f"{name}: already exists", "--overwrite")
        assert "judging" not in answer.stdout


def test_no_input_is_replaced_and_no_link_followed(dcgan, trained, tmp_path):
    there = ("--path", trained("trio"))
    write_noise(tmp_path / "adversarial.png")
    words = ("--mode", "attack", *there, "--image", "adversarial.png", "--attack_steps", 2)
    refused(dcgan(*words, "--overwrite"), 1, "adversarial.png: is read from")
    (tmp_path / "mine.npz").write_bytes(b"mine")
    (tmp_path / "link.npz").symlink_to("mine.npz")
    refused(dcgan("--mode", "generate", *there, "--arrays", "link.npz"), 1, "symbolic link")
    refused(dcgan("--mode", "generate", *there, "--output", "digits.png"), 2, "name the folder")
    assert (tmp_path / "mine.npz").read_bytes() == b"mine"
    assert not (tmp_path / "digits.png").exists()
