"""What each check of each notebook is worth. No TensorFlow: the grader reads it, too."""


class CourseError(Exception):
    """A file that cannot be graded or ranked: one line that names it and the fix."""


POINTS = {
    "1_gradient_ascent": {
        "away_from": 2,
        "gradient_of": 2,
        "climb": 2,
        "project": 3,
        "random_start": 2,
        "pgd": 5,
        "climb_l2": 2,
        "project_l2": 3,
        "towards": 2,
    },
    "2_fooling_a_discriminator": {
        "lesson_of": 3,
        "real_or_fake_loss": 2,
        "realness_gradient": 2,
        "move": 4,
        "renew": 3,
        "play": 5,
    },
    "3_min_max": {
        "discriminator_loss": 3,
        "minimax_loss": 2,
        "non_saturating_loss": 2,
        "scores": 2,
        "discriminator_turn": 4,
        "generator_turn": 4,
        "train_step": 3,
    },
    "4_classes": {
        "draw_fakes": 3,
        "realness": 3,
        "confusion": 2,
        "gan_test": 3,
        "gan_train": 4,
        "classifier_turn": 4,
    },
    "5_robustness": {
        "adversarial_loss": 4,
        "robust_accuracy": 3,
        "margin": 3,
        "straight_through": 3,
        "worst_case": 2,
        "rob_gan_loss": 3,
    },
    "6_alice_bob_eve": {
        "bits_wrong": 2,
        "secrecy": 3,
        "alice_and_bob_loss": 3,
        "eve_turn": 3,
        "entropy": 3,
        "leak": 4,
    },
}
WORTH = {check: points for checks in POINTS.values() for check, points in checks.items()}
ATTACK_MIME = "application/vnd.adversarial-games.attack+json"
MIME = "application/vnd.adversarial-games.check+json"  # how the grader finds a result in an output
