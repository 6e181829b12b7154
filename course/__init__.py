"""Six notebooks that teach adversarial learning, the checks of a student's work, and a grader."""
