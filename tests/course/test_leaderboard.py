"""The leaderboard: entries are judged by this project's attacks, and read without trust."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import agents
from attacks import ProjectedGradientDescent
from course import leaderboard
from course.points import CourseError

FEW = 40


def defence(path, **changed):
    options = {"width": 4, "num_classes": 10, **changed}
    model = agents.build_classifier(8, 1, **options)
    model.save(path)
    return path


def of_probabilities(path):
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
    model.add(keras.layers.Dense(10, "softmax"))
    model.save(path)


def of_code(path):
    layer = keras.layers.Lambda(lambda images: images[:, 0, :, 0] @ tf.ones((8, 10)))
    keras.Sequential([keras.Input((8, 8, 1)), layer]).save(path)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: defence(path, width=120), "350,000 at most"),
        (lambda path: defence(path, num_classes=9), "9 classes"),
        (of_probabilities, "returns probabilities"),
        (of_code, "is damaged"),
        (lambda path: path.write_bytes(b"no model"), "is damaged"),
    ],
    ids=["large", "classes", "probabilities", "code", "junk"],
)
def test_a_defence_that_cannot_be_judged_is_refused(make, says, tmp_path):
    make(tmp_path / "entry.keras")
    entry = leaderboard.judge_defence(tmp_path / "entry.keras", FEW)
    assert entry.score is None
    assert says in entry.says
    assert "\n" not in entry.says


@pytest.mark.slow
def test_a_defence_is_worth_its_worst_case():
    entry = leaderboard.judge_defence(leaderboard.TARGET, FEW, queries=50)
    assert 0.4 < entry.score < 0.9
    assert "clean 9" in entry.says or "clean 100" in entry.says


def pgd(loss_fn, images, epsilon, seed):
    return ProjectedGradientDescent(epsilon, epsilon / 8, 20)(loss_fn, images, seed=(seed, 0))


def test_an_attack_is_worth_what_it_leaves_standing():
    lazy = leaderboard.judge_attack(lambda loss_fn, images, *_: images, FEW)
    strong = leaderboard.judge_attack(pgd, FEW)
    assert lazy["score"] > 0.9 > strong["score"] + 0.1
    assert strong["says"] == "21 passes, 100.0% of the images inside the ball"


def test_what_leaves_the_ball_does_not_count():
    lazy = leaderboard.judge_attack(lambda loss_fn, images, *_: images, FEW)
    for away in (lambda images: -images, lambda images: images * np.nan, lambda images: images + 9):
        far = leaderboard.judge_attack(lambda loss_fn, images, *_, away=away: away(images), FEW)
        assert far["score"] == lazy["score"]
    wrong = leaderboard.judge_attack(lambda loss_fn, images, *_: images[:3], FEW)
    assert "score" not in wrong


@pytest.mark.parametrize("wrap", [lambda call: call, tf.function], ids=["eager", "graph"])
def test_a_spent_budget_leaves_no_loss(wrap):
    seen = []

    def greedy(loss_fn, images, epsilon, seed):
        loss = wrap(lambda images: loss_fn(images))
        seen.extend(float(tf.reduce_sum(loss(images))) for _ in range(5))
        return images

    leaderboard.judge_attack(greedy, FEW, passes=3)
    assert all(seen[:3])
    assert seen[3:] == [0.0, 0.0]


def test_a_class_is_ranked(tmp_path, capsys):
    (tmp_path / "defences").mkdir()
    (tmp_path / "attacks").mkdir()
    (tmp_path / "defences" / "junk.keras").write_bytes(b"junk")
    good = "def attack(loss_fn, images, epsilon, seed):\n    return images\n"
    (tmp_path / "attacks" / "lazy.py").write_text(good)
    (tmp_path / "attacks" / "broken.py").write_text("raise ValueError('no')")
    assert leaderboard.main([str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert said.index("lazy.py") < said.index("broken.py")
    assert "junk.keras" in said
    assert "refused" in said


def test_an_empty_folder_is_refused(tmp_path, capsys):
    assert leaderboard.main([str(tmp_path)]) == 1
    assert "to rank" in capsys.readouterr().err
    with pytest.raises(CourseError):
        leaderboard.rank(leaderboard.parse([str(tmp_path)]))
