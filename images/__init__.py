"""Files to arrays to tf.data, and back to grids and films."""
