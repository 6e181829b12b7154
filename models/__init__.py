"""How the agents play: `keras.Model` games whose `train_step` is the schedule."""

from models.attacked_discriminator import AttackedDiscriminator, Climber
from models.critic import Critic
from models.fine_tuning import FineTuning
from models.gan import GAN
from models.gan_trio import GANTrio
from models.rob_gan import RobGAN
from models.robust_classifier import RobustClassifier

__all__ = [
    "GAN",
    "AttackedDiscriminator",
    "Climber",
    "Critic",
    "FineTuning",
    "GANTrio",
    "RobGAN",
    "RobustClassifier",
]
