"""The trio as a PyTorch user would write it: modules, optimizers, a step in plain Python."""

import torch
from keras import layers
from torch import nn
from torch.nn import functional

from benchmarks import twin
from models.draw import Draw
from models.gan import R1_INTERVAL


def of(model, kind):
    """The layers of a kind in a model, in its order."""
    return [layer for layer in model.layers if isinstance(layer, kind)]


def embedding(vectors):
    """The twin of an Embedding of these vectors, an array (classes, n)."""
    return nn.Embedding.from_pretrained(torch.tensor(vectors).contiguous(), freeze=False)


class Generator(nn.Module):
    """The twin of `agents.build_generator` with classes."""

    def __init__(self, model):
        super().__init__()
        first = of(model, layers.Concatenate)
        self.code = embedding(model.get_layer("class_code").embeddings.numpy())
        self.body = twin.chain(model.operations[model.operations.index(first[0]) + 1 :])

    def forward(self, latents, labels):
        return self.body(torch.cat([latents, self.code(labels)], 1))


class StyleGenerator(nn.Module):
    """The twin of `agents.build_style_generator` with classes."""

    def __init__(self, model):
        super().__init__()
        style, base, *strengths = of(model, layers.Dense)
        self.code = embedding(model.get_layer("class_code").embeddings.numpy())
        self.style = twin.chain([style, *of(model, layers.LeakyReLU)])
        growing = [[each] for each in of(model, layers.Conv2DTranspose)]
        growing.insert(0, [base, of(model, layers.Reshape)[0]])
        self.growing = nn.ModuleList(map(twin.chain, growing))
        self.gains = nn.ModuleList(twin.dense(each, None) for each in strengths[::2])
        self.shifts = nn.ModuleList(twin.dense(each, None) for each in strengths[1::2])
        self.pixels = twin.chain(model.operations[-2:])

    def forward(self, latents, labels):
        hidden = code = self.style(torch.cat([latents, self.code(labels)], 1))
        for grow, gain, shift in zip(self.growing, self.gains, self.shifts, strict=True):
            alike = functional.instance_norm(grow(hidden))
            gain, shift = (strength(code)[:, :, None, None] for strength in (gain, shift))
            hidden = functional.relu(gain * alike + shift)
        return self.pixels(hidden)


class Discriminator(nn.Module):
    """The twin of `agents.build_discriminator`, conditioned by projection."""

    def __init__(self, model):
        super().__init__()
        self.body = twin.chain(of(model, (layers.Conv2D, layers.LeakyReLU, layers.Flatten)))
        (flatten,), (directions,) = of(model, layers.Flatten), of(model, layers.Embedding)
        shape = flatten.input.shape[1:]
        self.realness = twin.dense(of(model, layers.Dense)[0], shape)
        vectors = directions.embeddings.numpy()
        self.direction = embedding(twin.channels_first_rows(vectors.T, shape).T)

    def forward(self, images, labels):
        features = self.body(images)
        return self.realness(features) + (self.direction(labels) * features).sum(1, keepdim=True)

    def under_every_label(self, images):
        """The logits (b, classes) of images under each label."""
        features = self.body(images)
        return self.realness(features) + features @ self.direction.weight.T


class TorchTrio:
    """The twin of a GANTrio with its usual loss and conditioning, and no shifts for D.

    Args:
        game: models.GANTrio, whose agents' weights and options are copied.
        memory_format: of torch, the order of feature maps.
    """

    def __init__(self, game, memory_format=torch.contiguous_format):
        self.game = game
        self.format = memory_format
        generator = StyleGenerator if game.options.style else Generator
        self.generator, self.average_generator = (
            generator(game.generator).to(memory_format=memory_format) for _ in range(2)
        )
        self.discriminator = Discriminator(game.discriminator).to(memory_format=memory_format)
        self.classifier, self.average_classifier = (
            twin.chain(game.classifier.layers).to(memory_format=memory_format) for _ in range(2)
        )
        self.optimizers = {
            name: optimizer(getattr(game, name).optimizer, getattr(self, name))
            for name in ("generator", "discriminator", "classifier")
        }
        self.steps = 0

    def check(self, images, labels):
        """Raises ValueError unless each agent's outputs are those of its twin, to 1e-4."""
        latents, asked = self.draw(len(images), Draw.DISCRIMINATOR_FAKES)
        game, theirs = self.game, twin.channels_first(images)
        with torch.no_grad():
            made = self.generator(latents, asked).permute(0, 2, 3, 1)
            judged = self.discriminator(theirs, torch.tensor(labels))
        twin.compare(game.generator([latents.numpy(), asked.numpy()]), made)
        twin.compare(game.discriminator([images, labels]), judged)
        twin.compare(game.classifier(images), self.classifier(theirs))

    def draw(self, batch, which):
        """Fresh latents and labels; `which` is a `Draw`, as in the game."""
        labels = torch.randint(self.game.num_classes, (batch,))
        return torch.randn(batch, self.game.latent_dim), labels

    def heads(self, batch, which):
        """Which images are mirrored, bool (batch, 1, 1, 1); `which` as of `draw`."""
        return torch.rand(batch, 1, 1, 1) < 0.5

    def shifts(self, batch):
        """Rows and columns that the classifier's images are shifted by, (2, batch, 1)."""
        most = self.game.options.classifier_translation
        return torch.randint(-most, most + 1, (2, batch, 1))

    def step(self, images, labels):
        """One round on real images (b, c, h, w) and labels int64 (b,)."""
        self.classifier_turn(len(images))
        self.discriminator_turn(images, labels)
        self.generator_turn(images, labels)
        self.follow(self.average_generator, self.generator)
        self.follow(self.average_classifier, self.classifier)
        self.steps += 1

    def discriminator_turn(self, images, labels):
        """softplus(-D(x, y)) + softplus(D(G(z, y), y)), label matching, and R1 as is due."""
        latents, fake_labels = self.draw(len(images), Draw.DISCRIMINATOR_FAKES)
        with torch.no_grad():
            fake_images = self.mirrored(
                self.generator(latents, fake_labels), Draw.DISCRIMINATOR_FAKE_FLIP
            )
        images = self.mirrored(images, Draw.DISCRIMINATOR_REAL_FLIP)
        real_logits, matching_loss = self.judge_real(images, labels)
        fake_logits = self.discriminator(fake_images, fake_labels)
        loss = self.discriminator_loss(real_logits, fake_logits) + matching_loss
        if self.game.options.r1_gamma and self.steps % R1_INTERVAL == 0:
            real, fake = (images, labels), (fake_images, fake_labels)
            loss = loss + R1_INTERVAL * self.penalty(real, fake)
        self.descend("discriminator", loss)

    def judge_real(self, images, labels):
        """Realness logits (b, 1), and the loss of matching real images with their labels."""
        weight = self.game.options.label_matching
        if not weight:
            return self.discriminator(images, labels), 0.0
        every_logit = self.discriminator.under_every_label(images)
        matching_loss = weight * functional.cross_entropy(every_logit, labels)
        return every_logit.gather(1, labels[:, None]), matching_loss

    def discriminator_loss(self, real_logits, fake_logits):
        """The mean over the batch."""
        return (functional.softplus(-real_logits) + functional.softplus(fake_logits)).mean()

    def penalty(self, real, fake):
        """R1; `real` and `fake` are pairs of images and labels."""
        return self.r1(*real)

    def r1(self, images, labels):
        """gamma / 2 |dD/dx|^2."""
        watched = images.detach().requires_grad_()
        total = self.discriminator(watched, labels).sum()
        (gradient,) = torch.autograd.grad(total, watched, create_graph=True)
        return self.game.options.r1_gamma / 2 * gradient.square().sum((1, 2, 3)).mean()

    def generator_turn(self, images, labels):
        """The discriminator's own gradients are not asked for."""
        latents, asked = self.draw(len(images), Draw.GENERATOR_FAKES)
        self.discriminator.requires_grad_(False)
        fake_images = self.mirrored(self.generator(latents, asked), Draw.GENERATOR_FAKE_FLIP)
        fake_logits = self.discriminator(fake_images, asked)
        self.descend("generator", self.generator_loss(fake_logits, images, labels))
        self.discriminator.requires_grad_(True)

    def generator_loss(self, fake_logits, images, labels):
        """softplus(-D(G(z, y), y)), the mean over the batch; real images are not looked at."""
        return functional.softplus(-fake_logits).mean()

    def classifier_turn(self, batch):
        """The cross-entropy of the classes asked for, on shifted images of the average."""
        latents, labels = self.draw(batch, Draw.CLASSIFIER_FAKES)
        with torch.no_grad():
            images = self.average_generator(latents, labels)
        images = self.mirrored(images, Draw.CLASSIFIER_FLIP)
        logits = self.classifier(self.shifted(images))
        self.descend("classifier", functional.cross_entropy(logits, labels))

    def mirrored(self, images, which):
        """Images, half of them mirrored left to right if the game's options say so."""
        if not self.game.options.mirror:
            return images
        return torch.where(self.heads(len(images), which), images.flip(3), images)

    def shifted(self, images):
        """Each image shifted by its own whole pixels, filled up with the darkest value."""
        most, (batch, _, height, width) = self.game.options.classifier_translation, images.shape
        padded = functional.pad(images, [most] * 4, value=-1.0)
        rows, columns = self.shifts(batch)  # (batch, 1) each
        rows, columns = (
            (torch.arange(side) + most + shift)
            for side, shift in ((height, rows), (width, columns))
        )
        which = torch.arange(batch)[:, None, None]
        moved = padded[which, :, rows[:, :, None], columns[:, None, :]]  # (b, h, w, c)
        return moved.permute(0, 3, 1, 2).contiguous(memory_format=self.format)

    def descend(self, name, loss):
        """One step of an agent's optimizer."""
        self.optimizers[name].zero_grad()
        loss.backward()
        self.optimizers[name].step()

    @torch.no_grad()
    def follow(self, average, agent):
        """The step of an average, whose decay starts low."""
        turns = self.steps + 1
        decay = min(self.game.options.ema_decay, (1 + turns) / (10 + turns))
        torch._foreach_lerp_(list(average.parameters()), list(agent.parameters()), 1 - decay)


class TorchRelativisticTrio(TorchTrio):
    """The twin of a `models.relativistic.RelativisticTrio`."""

    def discriminator_loss(self, real_logits, fake_logits):
        """softplus(D(G(z)) - D(x)), the mean over the batch."""
        return functional.softplus(fake_logits - real_logits).mean()

    def penalty(self, real, fake):
        """R1 and R2."""
        return self.r1(*real) + self.r1(*fake)

    def generator_loss(self, fake_logits, images, labels):
        """softplus(D(x) - D(G(z))), the mean over the batch."""
        images = self.mirrored(images, Draw.GENERATOR_REAL_FLIP)
        with torch.no_grad():
            real_logits = self.discriminator(images, labels)
        return functional.softplus(real_logits - fake_logits).mean()


def twin_of(game, memory_format=torch.contiguous_format):
    """The twin of a trio; arguments as of `TorchTrio`."""
    relativistic = game.options.loss == "relativistic"
    return (TorchRelativisticTrio if relativistic else TorchTrio)(game, memory_format)


def optimizer(keras_optimizer, module):
    """Adam as the agent's own, in its fused form, which is the fastest on a CPU."""
    return torch.optim.Adam(
        module.parameters(),
        lr=float(keras_optimizer.learning_rate),
        betas=(keras_optimizer.beta_1, keras_optimizer.beta_2),
        eps=keras_optimizer.epsilon,
        fused=True,
    )
