"""How the agents play: `keras.Model` games whose `train_step` is the schedule."""

from models.attacked_discriminator import AttackedDiscriminator, Climber
from models.critic import Critic
from models.gan import GAN
from models.gan_trio import GANTrio
from models.robust_classifier import RobustClassifier

__all__ = ["GAN", "AttackedDiscriminator", "Climber", "Critic", "GANTrio", "RobustClassifier"]
