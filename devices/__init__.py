"""What a game is computed on: CPU, GPU, several of them."""
