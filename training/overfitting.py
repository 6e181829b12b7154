"""The overfitting watch: says when a classifier withstands only the attacks it learned from."""

import keras


class OverfittingWatch(keras.callbacks.Callback):
    """Says in one line, once, that a game of single-step attacks has overfitted to them.

    It compares, at the end of an epoch, the share of training images that were named rightly under
    a single step with the share of held-out ones under the many steps that the game is examined
    with. In healthy games they are near each other; after the break, which takes less than an
    epoch, the first rises and the second falls to nothing.

    Args:
        steps: int, of the examining attack.
        announce: callable for one line of text.
    Source: Wong et al. 2020, section 5.3, arXiv:2001.03994 ("catastrophic overfitting").
    """

    SMALLEST_SHARE = 0.5  # of the accuracy under a single step

    def __init__(self, steps, announce):
        super().__init__()
        self.steps, self.announce = steps, announce
        self.is_told = False

    def on_epoch_end(self, epoch, logs=None):
        logs = logs or {}
        single, many = logs["attacked_accuracy"], logs.get("val_robust_accuracy")
        if self.is_told or many is None or many >= self.SMALLEST_SHARE * single:
            return  # a run without held-out images has nothing to compare with
        self.is_told = True
        self.announce(
            f"warning: {single:.0%} of the images withstand the single step that the classifier"
            f" learns from, {many:.0%} an attack of {self.steps} (catastrophic overfitting); what"
            " usually helps: --loss madry, a lower --classifier_learning_rate"
        )
