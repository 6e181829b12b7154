"""How the agents play: `keras.Model` games whose `train_step` is the schedule."""
