"""Games that only draw: what callbacks see of a game, and ways to draw well or badly."""

import numpy as np
from sklearn.datasets import load_digits


class FakeGame:
    """What the callbacks see of a game: images by a function of the labels."""

    def __init__(self, imagine, step=5000):
        self.imagine, self.step, self.stop_training = imagine, step, False
        self.weights = [np.zeros(3)]

    def get_weights(self):
        return self.weights

    def sample(self, count, seed):
        labels = np.arange(count, dtype=np.int32) % 10
        images = self.imagine(labels, np.random.default_rng(seed)) / 127.5 - 1
        return images.astype(np.float32), labels


def digits():
    bunch = load_digits()
    return (bunch.images[..., None] / 16 * 255).astype(np.uint8), bunch.target.astype(np.int32)


IMAGES, LABELS = digits()


def healthy(labels, rng):
    """Real digits of the classes asked for."""
    return np.stack([IMAGES[rng.choice(np.flatnonzero(name == LABELS))] for name in labels])


def one_class_only(labels, rng):
    """Whatever is asked for, a three: classes are lost, but images still differ."""
    return healthy(np.full_like(labels, 3), rng)


def one_image_a_class(labels, rng):
    """The classes asked for, but always the same image of each."""
    return np.stack([IMAGES[np.flatnonzero(name == LABELS)[0]] for name in labels])


def another_class(labels, rng):
    """Every class as often as it should be, but never the one asked for."""
    return healthy((labels + 1) % 10, rng)
