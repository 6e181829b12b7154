"""What can be played: the options, presets and players of every game. No TensorFlow here."""
