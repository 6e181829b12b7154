"""What an attack on a classifier climbs: pure functions on logits, one value per image."""

import tensorflow as tf


def cross_entropy(labels, logits):
    """Cross-entropy of the logits with the labels.

    Args:
        labels: int32 (batch,).
        logits: float32 (batch, num_classes).
    Returns:
        float32 (batch,), nats, >= 0.
    """
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)


def margin(labels, logits):
    """How far the best other class is ahead of the label: max of z_i, i != y, less z_y.

    Args, Returns: as `cross_entropy`, but in logits and of either sign; > 0 if misclassified.
    Source: Carlini & Wagner 2017, section V, arXiv:1608.04644.
    """
    own = tf.one_hot(labels, tf.shape(logits)[-1], on_value=True, off_value=False)
    others = tf.where(own, tf.float32.min, logits)
    return tf.reduce_max(others, axis=-1) - _at(labels, logits)


def targeted_logits_ratio(labels, targets, logits):
    """Targeted DLR: how far one other class is ahead of the label, over the spread of the top.

    Unlike cross-entropy it does not change when all logits are scaled or shifted.

    Args:
        labels, targets: int32 (batch,), the classes to leave and to reach.
        logits: float32 (batch, num_classes), at least 4 classes.
    Returns:
        float32 (batch,).
    Source: Croce & Hein 2020, equation 7, arXiv:2003.01690.
    """
    ordered = tf.math.top_k(logits, 4).values
    spread = ordered[:, 0] - (ordered[:, 2] + ordered[:, 3]) / 2
    return (_at(targets, logits) - _at(labels, logits)) / (spread + 1e-12)


def away_from(classify, labels, loss=cross_entropy):
    """The aim of an untargeted attack: any class except the label.

    Args:
        classify: callable, images -> class logits (batch, num_classes).
        labels: int32 (batch,).
        loss: (labels, logits) -> (batch,), what is climbed.
    Returns:
        callable, images -> (loss (batch,), fooled (batch,)), for any attack.
    """

    def objective(images):
        logits = tf.cast(classify(images), tf.float32)
        return loss(labels, logits), _named(logits) != labels

    return objective


def towards(classify, targets, loss=cross_entropy):
    """The aim of a targeted attack: the target class. It climbs the negated loss.

    Args:
        classify: callable, images -> class logits (batch, num_classes).
        targets: int32 (batch,).
        loss: (targets, logits) -> (batch,), which the attack descends.
    Returns:
        As `away_from`; an image fools if it is classified as its target.
    """

    def objective(images):
        logits = tf.cast(classify(images), tf.float32)
        return -loss(targets, logits), _named(logits) == targets

    return objective


def away_to(classify, labels, targets, loss=targeted_logits_ratio):
    """The aim of AutoAttack's targeted attack: climb towards a target; any wrong class fools.

    Args:
        classify: callable, images -> class logits (batch, num_classes).
        labels, targets: int32 (batch,), the classes to leave and to head for.
        loss: (labels, targets, logits) -> (batch,), what is climbed.
    Returns:
        As `away_from`.
    """
    return away_from(classify, labels, lambda labels, logits: loss(labels, targets, logits))


def _at(labels, logits):
    return tf.gather(logits, labels, batch_dims=1)


def _named(logits):
    return tf.argmax(logits, axis=-1, output_type=tf.int32)
