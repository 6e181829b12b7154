"""A random translation shifts by whole pixels, a random warp is a linear map: images, gradients."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from models.augment import random_translation, random_warp

SEED = (3, 7)


def reference_shift(image, down, right, fill=-1.0):
    """The image (h, w, c) with its content moved down and right, filled where it came from."""
    height, width, _ = image.shape
    shifted = np.full_like(image, fill)
    for row in range(height):
        for column in range(width):
            if 0 <= row - down < height and 0 <= column - right < width:
                shifted[row, column] = image[row - down, column - right]
    return shifted


def shifts_within(max_shift):
    reach = range(-max_shift, max_shift + 1)
    return [(down, right) for down in reach for right in reach]


def find_shift(image, shifted, max_shift):
    """The one (down, right) that makes an image the shifted one; fails if there is none."""
    found = [
        shift
        for shift in shifts_within(max_shift)
        if np.array_equal(reference_shift(image, *shift), shifted)
    ]
    assert len(found) == 1
    return found[0]


def random_images(batch, height=6, width=5, channels=2, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(-0.9, 1, (batch, height, width, channels)).astype(np.float32)


def test_no_shift_is_the_identity():
    images = tf.constant(random_images(4))
    np.testing.assert_array_equal(random_translation(images, 0, SEED), images)


@pytest.mark.parametrize("max_shift", [1, 2, 3])
def test_each_image_is_shifted_by_whole_pixels_within_range(max_shift):
    images = random_images(30)
    shifted = random_translation(tf.constant(images), max_shift, SEED).numpy()
    assert shifted.shape == images.shape
    found = {find_shift(a, b, max_shift) for a, b in zip(images, shifted, strict=True)}
    assert len(found) > 5  # each image has its own


def test_every_shift_occurs_about_equally_often():
    max_shift, batch = 1, 1800
    image = random_images(1)[0]
    shifted = random_translation(tf.constant(np.stack([image] * batch)), max_shift, SEED).numpy()
    counts = {
        (down, right): int((shifted == reference_shift(image, down, right)).all((1, 2, 3)).sum())
        for down, right in shifts_within(max_shift)
    }
    assert sum(counts.values()) == batch
    assert min(counts.values()) > 150  # 200 each, standard deviation 13
    assert max(counts.values()) < 250


def test_an_image_may_leave_the_frame_and_leaves_the_darkest_value():
    shifted = random_translation(tf.zeros((400, 2, 2, 1)), 3, SEED).numpy()
    assert set(np.unique(shifted)) == {-1.0, 0.0}
    assert (shifted == -1.0).all((1, 2, 3)).any()


def test_the_gradient_goes_back_to_where_the_pixel_came_from():
    images, upstream = random_images(20), random_images(20, seed=1)
    watched = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(watched)
        shifted = random_translation(watched, 2, SEED)
        total = tf.reduce_sum(shifted * upstream)
    gradient = tape.gradient(total, watched).numpy()
    pixels_lost = 0
    for image, after, sent, got in zip(images, shifted.numpy(), upstream, gradient, strict=True):
        down, right = find_shift(image, after, 2)
        # The transpose of a shift is the shift back; what left the frame is sent nothing.
        np.testing.assert_array_equal(got, reference_shift(sent, -down, -right, fill=0.0))
        pixels_lost += int(np.count_nonzero(got == 0))
    assert 0 < pixels_lost < gradient.size / 2


def test_the_same_seed_shifts_alike_and_another_does_not():
    images = tf.constant(random_images(8))
    first = random_translation(images, 2, SEED)
    np.testing.assert_array_equal(first, random_translation(images, 2, SEED))
    assert (first.numpy() != random_translation(images, 2, (3, 8)).numpy()).any()
    assert (first.numpy() != random_translation(images, 2, (4, 7)).numpy()).any()


def test_an_image_does_not_see_its_neighbours():
    images, others = random_images(6), random_images(6, seed=1)
    others[3] = images[3]
    among = random_translation(tf.constant(others), 2, SEED)
    alone = random_translation(tf.constant(images), 2, SEED)
    np.testing.assert_array_equal(among[3], alone[3])


def test_it_can_be_traced_for_any_batch_size():
    shift = tf.function(
        lambda images: random_translation(images, 2, SEED),
        input_signature=[tf.TensorSpec((None, 6, 5, 2))],
    )
    for batch in (1, 7):
        images = tf.constant(random_images(batch))
        np.testing.assert_array_equal(shift(images), random_translation(images, 2, SEED))


@pytest.mark.parametrize("most", [0.1, 0.9])
def test_a_warp_is_scipy_s_affine_transform_by_each_image_s_own_map(most):
    images = random_images(12, height=7, width=8)
    maps = np.eye(2) + tf.random.stateless_uniform((12, 2, 2), SEED, -most, most).numpy()
    warped = random_warp(tf.constant(images), most, SEED).numpy()
    middle = np.array([3.0, 3.5])
    for image, linear, after in zip(images, maps, warped, strict=True):
        for channel in range(2):
            expected = ndimage.affine_transform(
                np.pad(image[..., channel], 1, constant_values=-1.0),
                linear,
                offset=middle + 1 - linear @ (middle + 1),
                order=1,
                cval=-1.0,
            )[1:-1, 1:-1]
            np.testing.assert_allclose(after[..., channel], expected, atol=1e-4)


def test_no_warp_is_the_identity_and_any_batch_can_be_traced():
    images = tf.constant(random_images(4))
    np.testing.assert_array_equal(random_warp(images, 0.0, SEED), images)
    warp = tf.function(
        lambda images: random_warp(images, 0.3, SEED),
        input_signature=[tf.TensorSpec((None, 6, 5, 2))],
    )
    for batch in (1, 7):
        images = tf.constant(random_images(batch))
        np.testing.assert_allclose(warp(images), random_warp(images, 0.3, SEED), atol=1e-5)
