"""The rooms' work, without a browser."""

import re
import shutil

import numpy as np
import pytest
from scipy.special import softmax

from images import datasets
from lab import attack, draw, figures, judge, secret, shelf, show, watch

DIGITS = "trio-digits"


def drawing(digits, label=7):
    """A digit as the value of a pad."""
    place = np.flatnonzero(digits.validation.labels == label)[0]
    image = digits.validation.images[place].repeat(20, axis=0).repeat(20, axis=1)
    return show.png(image)


def bars_of(said):
    return np.array([float(share) for share in re.findall(r"<span>([\d.]+)%</span>", said)]) / 100


def test_the_shelf_holds_the_supplied_agents_and_nothing_else():
    names = shelf.names("classifier", "robust-mnist")
    assert names[0] == "robust-mnist" and {"trio-mnist", "trio-digits"} <= set(names)
    assert "crypto-secret" in shelf.names("cipher") and "crypto-secret" not in names
    assert "robust-mnist" not in shelf.names("generator")


def test_a_drawing_is_read_and_its_bars_are_the_classifiers_probabilities(digits):
    (said,) = attack.read(drawing(digits), DIGITS)
    assert f"{DIGITS} reads 7" in said
    image = datasets.normalize(attack.seen(drawing(digits), (8, 8, 1)))
    expected = softmax(attack.logits(DIGITS, image))
    np.testing.assert_allclose(bars_of(said), expected, atol=6e-4)


def test_an_attack_within_nothing_changes_nothing_and_within_all_fools(digits):
    (stands,) = attack.fool(drawing(digits), "PGD", "linf", 0.0, 0.0, attack.ANY, DIGITS)
    assert f"{DIGITS} stands: still 7" in stands
    (falls,) = attack.fool(drawing(digits), "PGD", "linf", 0.5, 0.0, "3", DIGITS)
    assert f"{DIGITS} falls: 3" in falls


def test_images_are_those_that_generate_draws(digits):
    said = draw.digits(DIGITS, "3", 4, 5, False, draw.REACH)
    assert "4 images, plain" in said and "drawn.png" in said
    assert said == draw.digits(DIGITS, "3", 4, 5, False, draw.REACH)
    assert said != draw.digits(DIGITS, "3", 4, 6, False, draw.REACH)
    assert "nice" in draw.digits(DIGITS, "3", 2, 5, True, draw.REACH)


def test_a_sketch_finds_its_digit_and_walks_on(digits):
    *_, (said, found) = draw.sketch(drawing(digits), DIGITS)
    assert "the nearest: a 7" in said
    assert "walk.gif" in draw.walk(found, DIGITS)
    assert "path.gif" in draw.path(DIGITS, "3", "8", 0)


def test_the_visitor_is_scored_beside_the_discriminators():
    cards, hand, marks, _ = judge.deal(DIGITS, 1)
    assert cards.count("<img") == 10 and marks == [] and hand.real.sum() == 5
    right = [number for number, real in zip(judge.NUMBERS, hand.real, strict=True) if real]
    said = judge.answer(hand, right, DIGITS, DIGITS)
    assert "right about 10 of 10" in said and "trio-digits, its critic" in said
    with pytest.raises(ValueError, match="you marked 4"):
        judge.answer(hand, right[:4], DIGITS, DIGITS)
    assert judge.ranked(DIGITS, DIGITS, 0).count("<img") == 2


def test_a_trio_of_one_s_own_has_its_discriminator_beside_its_critic(
    trained, tmp_path, monkeypatch
):
    shutil.copytree(trained("trio"), tmp_path / "runs" / "mine")
    monkeypatch.chdir(tmp_path)
    _, hand, *_ = judge.deal(DIGITS, 1)
    said = judge.answer(hand, judge.NUMBERS[:5], "runs/mine", "runs/mine")
    assert "runs/mine, its critic" in said and "runs/mine, its discriminator" in said


def test_a_game_is_played_paused_stepped_and_changed(eager, monkeypatch):
    monkeypatch.setattr(watch, "LONGEST", 3600)  # a busy machine shall not pause it
    moves = watch.play(None, "ring", 5, *watch.START)
    next(moves)  # says that it builds the game
    scene, picture, curves, status = next(moves)
    assert scene.rounds == 5 and "round 5: " in status and picture.count("<line") == watch.ARROWS
    watch.set_rules(scene, 3, *watch.COLLAPSE)
    scene, *_ = next(moves)
    assert scene.rounds == 8 and scene.watched.game.options.loss == watch.COLLAPSE[0]
    watch.pause(scene)
    assert list(moves) == []
    before = [agent.get_weights() for agent in scene.watched.game.agents().values()]
    scene, *_, status = watch.step("discriminator", scene, "ring", *watch.COLLAPSE)
    after = [agent.get_weights() for agent in scene.watched.game.agents().values()]
    same = [
        all(np.array_equal(one, other) for one, other in zip(*pair, strict=True))
        for pair in zip(before, after, strict=True)
    ]
    assert same == [True, False] and "discriminator alone" in status
    kernel, bias = (hidden := scene.watched.game.generator.layers[2]).get_weights()
    hidden.set_weights([kernel, bias - 100.0])  # as a collapse leaves them, only more so
    assert watch.cure(scene, "ring") == list(watch.START)
    assert (hidden.get_weights()[1] > -100.0).all()


def test_a_message_reaches_bob_and_a_wrong_bit_of_the_key_shows():
    said, sent = secret.send("meet me at noon", "crypto-secret", "")
    assert said.count("(0 of 120 bits wrong)") == 1  # Bob's; Eve's guess is another
    assert "meet me at noon" in said
    assert "(1 of 120 bits wrong)" in secret.flip(sent, 3)
    said, _ = secret.send("<b>&", "crypto-secret", "")
    assert "<b>" not in said


def test_the_published_game_sends_the_same_message():
    said, _ = secret.send("meet me at noon", "crypto-release", "")
    assert said.count("(0 of 120 bits wrong)") == 1


def test_figures_of_every_supplied_run_are_shown():
    for name in shelf.runs():
        assert "<svg" in figures.figures(name)
    assert "92.9%" in figures.overview() or "93" in figures.overview()


def test_nothing_drawn_is_no_error():
    assert "Draw something" in attack.read("", DIGITS)[0]
    black = show.png(np.zeros((20, 20, 1), np.uint8))
    assert "reads" in attack.read(black, DIGITS)[0]
