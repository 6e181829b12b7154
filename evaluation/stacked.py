"""How many of the thousand modes of stacked digits a generator has found.

Source: Metz et al. 2017, section 3.3.1, arXiv:1611.02163; Lin et al. 2018 (PacGAN), section 4.2.2,
arXiv:1712.04086.
"""

import numpy as np

from evaluation.points import divergence
from evaluation.reference import predict
from images import stacked


def read(judge, images):
    """The number that a judge of single digits reads in each picture.

    Args:
        judge: keras.Model, grey digits float32 in [-1, 1] -> class logits.
        images: uint8 (n, h, w, 3), or float32 in [-1, 1].
    Returns:
        int32 (n,).
    """
    digits = [
        predict(judge, images[..., place : place + 1])[0].argmax(axis=1)
        for place in range(stacked.DEPTH)
    ]
    return stacked.number(np.stack(digits, axis=1), judge.output.shape[-1])


def evaluate_stacked(samples, dataset, judge):
    """The report of a run on stacked digits.

    Args:
        samples: dict of kind -> uint8 (n, h, w, 3).
        dataset: images.datasets.Dataset; its test split says what is possible, and its training
            labels how often each mode is real.
        judge: as `read`.
    Returns:
        dict of JSON: "samples", kind -> "samples", "modes", "of_modes" and "kl", with the kind
        "real"; "judge_accuracy", the share of real test pictures that are read rightly.
    """
    of_modes = dataset.num_classes
    digits = np.bincount(
        np.concatenate([dataset.train.labels // 10**place % 10 for place in range(stacked.DEPTH)])
    )
    digits = digits / digits.sum()
    shares = np.einsum("a,b,c->abc", digits, digits, digits).ravel()
    report = {}
    for kind, images in {"real": dataset.test.images, **samples}.items():
        numbers = read(judge, images)
        counts = np.bincount(numbers, minlength=of_modes)
        report[kind] = {
            "samples": len(numbers),
            "modes": int((counts > 0).sum()),
            "of_modes": of_modes,
            "kl": divergence(counts, shares),
        }
        if kind == "real":
            accuracy = float((numbers == dataset.test.labels).mean())
    return {"judge_accuracy": accuracy, "samples": report}


def format_stacked(report):
    """The report as a table for the terminal."""
    lines = [f"{'sample':<20}{'modes':>12}{'KL':>9}"]
    for kind, row in report["samples"].items():
        lines.append(f"{kind:<20}{row['modes']:>6}/{row['of_modes']}{row['kl']:>10.4f}")
    lines.append(f"real pictures that the judge reads rightly: {report['judge_accuracy']:.2%}")
    return "\n".join(lines)
