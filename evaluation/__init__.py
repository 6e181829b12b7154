"""How good the result is: metrics, the classifier that judges, and their pictures."""
