"""Directions among latents along which the images change most."""

import numpy as np

from models.sampling import computed

DRAWN = 1000  # images from which the directions are found


def principal_directions(sampler, label, rng, count=2):
    """Directions of the latents along which the images of a class change most.

    The latents themselves are equally wide in every direction. So the principal components are
    those of the images, and a direction is the regression of a component on the latents.

    Args:
        sampler: Sampler.
        label: int, the class; ignored by a generator that is told none.
        rng: numpy.random.Generator.
        count: int, how many.
    Returns:
        float32 (count, latent_dim), unit vectors, the greatest change first.
    Source: Harkonen et al. 2020, section 2.2, arXiv:2004.02546, with images for features.
    """
    latents = sampler.latents(DRAWN, rng)
    labels = np.full(DRAWN, label, np.int32)
    inputs = latents if sampler.num_classes is None else [latents, labels]
    images = computed(sampler.generator, inputs).reshape(DRAWN, -1)
    images -= images.mean(axis=0)
    components, strengths, _ = np.linalg.svd(images, full_matrices=False)
    along = (components * strengths)[:, :count]  # (DRAWN, count), each image's coordinates
    directions = np.linalg.lstsq(latents, along, rcond=None)[0].T
    lengths = np.linalg.norm(directions, axis=1, keepdims=True)
    return (directions / np.maximum(lengths, 1e-12)).astype(np.float32)
