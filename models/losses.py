"""Losses of the games: pure functions on logits. Real is 1, fake is 0."""

import dataclasses
from collections.abc import Callable

import tensorflow as tf
from keras import ops


def _check(logits):
    if logits.shape[-1] != 1:
        raise ValueError(f"realness logits have shape (batch, 1), not {tuple(logits.shape)}")
    return logits[..., 0]


def logistic_discriminator_loss(real_logits, fake_logits):
    """The original discriminator's loss: -log D(x) - log(1 - D(G(z))).

    Args:
        real_logits: float32 (batch, 1), realness of real images.
        fake_logits: float32 (batch, 1), realness of generated images.
    Returns:
        float32 (batch,), nats, >= 0; 2 ln 2 where the discriminator is undecided.
    Raises:
        ValueError: if the last dimension is not 1.
    Source: Goodfellow et al. 2014, equation 1, arXiv:1406.2661.
    """
    return ops.softplus(-_check(real_logits)) + ops.softplus(_check(fake_logits))


def minimax_generator_loss(fake_logits):
    """The original generator's loss, log(1 - D(G(z))), whose gradient vanishes when D is sure.

    Args:
        fake_logits: float32 (batch, 1), realness of generated images.
    Returns:
        float32 (batch,), nats, <= 0.
    Raises:
        ValueError: if the last dimension is not 1.
    Source: Goodfellow et al. 2014, equation 1, arXiv:1406.2661.
    """
    return -ops.softplus(_check(fake_logits))


def non_saturating_generator_loss(fake_logits):
    """Rewards the generator for images that the discriminator calls real: softplus(-D(G(z))).

    Args:
        fake_logits: float32 (batch, 1), realness of generated images.
    Returns:
        float32 (batch,), nats, >= 0.
    Raises:
        ValueError: if the last dimension is not 1.
    Source: Goodfellow et al. 2014, section 3, arXiv:1406.2661.
    """
    return ops.softplus(-_check(fake_logits))


def hinge_discriminator_loss(real_logits, fake_logits):
    """max(0, 1 - D(x)) + max(0, 1 + D(G(z))).

    Args:
        real_logits: float32 (batch, 1).
        fake_logits: float32 (batch, 1).
    Returns:
        float32 (batch,), >= 0.
    Raises:
        ValueError: if the last dimension is not 1.
    Source: Lim & Ye 2017, arXiv:1705.02894; Miyato et al. 2018, arXiv:1802.05957.
    """
    return ops.relu(1.0 - _check(real_logits)) + ops.relu(1.0 + _check(fake_logits))


def least_squares_discriminator_loss(real_logits, fake_logits):
    """((D(x) - 1)^2 + D(G(z))^2) / 2, on the raw outputs.

    Args:
        real_logits: float32 (batch, 1).
        fake_logits: float32 (batch, 1).
    Returns:
        float32 (batch,), >= 0.
    Raises:
        ValueError: if the last dimension is not 1.
    Source: Mao et al. 2017, equation 9, arXiv:1611.04076.
    """
    return 0.5 * (ops.square(_check(real_logits) - 1.0) + ops.square(_check(fake_logits)))


def least_squares_generator_loss(fake_logits):
    """(D(G(z)) - 1)^2 / 2.

    Args:
        fake_logits: float32 (batch, 1).
    Returns:
        float32 (batch,), >= 0.
    Raises:
        ValueError: if the last dimension is not 1.
    Source: Mao et al. 2017, equation 9, arXiv:1611.04076.
    """
    return 0.5 * ops.square(_check(fake_logits) - 1.0)


def wasserstein_discriminator_loss(real_logits, fake_logits):
    """D(G(z)) - D(x): minus the critic's estimate of the earth mover's distance.

    Args:
        real_logits: float32 (batch, 1).
        fake_logits: float32 (batch, 1).
    Returns:
        float32 (batch,), of either sign.
    Raises:
        ValueError: if the last dimension is not 1.
    Source: Arjovsky et al. 2017, equation 2, arXiv:1701.07875.
    """
    return _check(fake_logits) - _check(real_logits)


def critic_generator_loss(fake_logits):
    """-D(G(z)): the generator's side of the hinge and the Wasserstein game.

    Args:
        fake_logits: float32 (batch, 1).
    Returns:
        float32 (batch,), of either sign.
    Raises:
        ValueError: if the last dimension is not 1.
    Source: Arjovsky et al. 2017, algorithm 1, arXiv:1701.07875.
    """
    return -_check(fake_logits)


def relativistic_discriminator_loss(real_logits, fake_logits):
    """softplus(D(G(z)) - D(x)): each real image must look more real than the fake beside it.

    Args:
        real_logits: float32 (batch, 1).
        fake_logits: float32 (batch, 1).
    Returns:
        float32 (batch,), nats, >= 0; ln 2 where the two look alike.
    Raises:
        ValueError: if the last dimension is not 1.
    Source: Huang et al. 2024, equation 2, arXiv:2501.05441; Jolicoeur-Martineau 2018,
        arXiv:1807.00734.
    """
    return ops.softplus(_check(fake_logits) - _check(real_logits))


def relativistic_generator_loss(real_logits, fake_logits):
    """softplus(D(x) - D(G(z))): the same comparison, the other way round.

    Args, Returns, Raises and Source as `relativistic_discriminator_loss`.
    """
    return ops.softplus(_check(real_logits) - _check(fake_logits))


def relativistic_all_discriminator_loss(real_logits, fake_logits):
    """The relativistic loss of each real image with every fake of the batch, not one alone.

    Its mean estimates the same as that of `relativistic_discriminator_loss`, with the smallest
    variance that an unbiased estimate from these logits can have: a batch has n pairs side by side,
    and n * n in all.

    Args:
        real_logits: float32 (batch, 1).
        fake_logits: float32 (n, 1), of all fakes to compare with.
    Returns:
        float32 (batch,), nats, >= 0, a mean over the fakes for each real image.
    Raises:
        ValueError: if the last dimension is not 1.
    Source: Jolicoeur-Martineau 2020, section 4, arXiv:1901.02474.
    """
    every_fake = _check(fake_logits)
    return ops.mean(ops.softplus(every_fake - _check(real_logits)[:, None]), axis=1)


def relativistic_all_generator_loss(real_logits, fake_logits):
    """The same comparison, the other way round: a mean over n real images for each fake.

    Args, Returns, Raises and Source as `relativistic_all_discriminator_loss`.
    """
    every_real = _check(real_logits)
    return ops.mean(ops.softplus(every_real - _check(fake_logits)[:, None]), axis=1)


def divergence(logits, changed_logits):
    """How far the answers to changed images are from those to the images, KL(p || q).

    Args:
        logits, changed_logits: float32 (batch, num_classes), of p and of q.
    Returns:
        float32 (batch,), nats, >= 0; 0 where the change makes no difference.
    Source: Zhang et al. 2019, equation 5, arXiv:1901.08573; Hu et al. 2017, equation 5,
        arXiv:1702.08720.
    """
    difference = ops.log_softmax(logits) - ops.log_softmax(changed_logits)
    return ops.sum(ops.softmax(logits) * difference, axis=-1)


def information(logits, evenness=4.0):
    """How much the classes tell of the images of a batch, evenness * H(mean of p) - mean of H(p).

    With an evenness of 1 it is the mutual information of image and class; with more, classes that
    differ in size cost more than images that are between two classes.

    Args:
        logits: float32 (batch, num_classes), of the whole batch.
        evenness: float >= 1, weight of the first entropy.
    Returns:
        float32 scalar, nats, at most evenness * log(num_classes): each class equally often, and
        each image of one class.
    Source: Hu et al. 2017, equation 8, arXiv:1702.08720, whose code has an evenness of 4.
    """
    shares = ops.mean(ops.softmax(logits), axis=0)
    spread = -ops.sum(shares * ops.log(shares + 1e-12))
    doubt = -ops.sum(ops.softmax(logits) * ops.log_softmax(logits), axis=-1)
    return evenness * spread - ops.mean(doubt)


def squared_gradient_norm(logits_fn, images):
    """|dD/dx|^2 at each image: R1's penalty at real images, R2's at generated ones.

    Args:
        logits_fn: callable, images -> logits (batch, 1), each of which depends on its image alone.
        images: float32 (batch, h, w, c), or points (batch, 2).
    Returns:
        float32 (batch,), logits^2 per pixel unit^2 on the [-1, 1] scale, >= 0.
    Source: Mescheder et al. 2018, equation 9, arXiv:1801.04406.
    """
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = ops.sum(logits_fn(images))
    gradient = tape.gradient(total, images)
    return ops.sum(ops.square(gradient), axis=range(1, len(images.shape)))


def wasserstein_gradient_penalty(logits_fn, real_images, fake_images, mixing):
    """(|dD/dx| - 1)^2 on the straight lines between real and generated images.

    Args:
        logits_fn: callable, images -> (batch, 1) logits.
        real_images, fake_images: float32 (batch, h, w, c).
        mixing: float32 (batch, 1, 1, 1), or (batch, 1) of points, uniform in [0, 1].
    Returns:
        float32 (batch,), >= 0.
    Source: Gulrajani et al. 2017, algorithm 1, arXiv:1704.00028.
    """
    mixed = real_images + mixing * (fake_images - real_images)
    # The tiny constant keeps the square root differentiable where the gradient is zero.
    norm = ops.sqrt(squared_gradient_norm(logits_fn, mixed) + 1e-12)
    return ops.square(norm - 1.0)


@dataclasses.dataclass(frozen=True)
class AdversarialLoss:
    """The two sides of one game.

    Attributes:
        discriminator: callable, (real_logits, fake_logits) -> (batch,).
        generator: callable, fake_logits -> (batch,); in the relativistic games
            (real_logits, fake_logits) -> (batch,).
    """

    discriminator: Callable
    generator: Callable


ADVERSARIAL_LOSSES = {
    "non_saturating": AdversarialLoss(logistic_discriminator_loss, non_saturating_generator_loss),
    "minimax": AdversarialLoss(logistic_discriminator_loss, minimax_generator_loss),
    "hinge": AdversarialLoss(hinge_discriminator_loss, critic_generator_loss),
    "least_squares": AdversarialLoss(
        least_squares_discriminator_loss, least_squares_generator_loss
    ),
    "wasserstein": AdversarialLoss(wasserstein_discriminator_loss, critic_generator_loss),
    "relativistic": AdversarialLoss(relativistic_discriminator_loss, relativistic_generator_loss),
    "relativistic_all": AdversarialLoss(
        relativistic_all_discriminator_loss, relativistic_all_generator_loss
    ),
}
