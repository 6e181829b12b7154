"""Who the workers of a run are: TF_CONFIG, read and written. No TensorFlow here."""

import dataclasses
import json
import os

from games import OptionError

VARIABLE = "TF_CONFIG"
EXAMPLE = (
    '{"cluster": {"worker": ["host1:2222", "host2:2222"]}, "task": {"type": "worker", "index": 0}}'
)


@dataclasses.dataclass(frozen=True)
class Cluster:
    """Workers that play one game together; the first one, the chief, writes the run folder.

    Attributes:
        addresses: tuple of str, "host:port" of each worker.
        index: int, which of them this process is.
    """

    addresses: tuple[str, ...]
    index: int

    def as_text(self):
        """The cluster as TF_CONFIG holds it."""
        task = {"type": "worker", "index": self.index}
        return json.dumps({"cluster": {"worker": list(self.addresses)}, "task": task})


def read(environment=os.environ):
    """The cluster that TF_CONFIG describes.

    Raises:
        OptionError: one line, if there is no TF_CONFIG or it is not understood.
    """
    text = environment.get(VARIABLE)
    if not text:
        raise OptionError(
            f"--distribute multiworker: {VARIABLE} must say who the workers are, such as {EXAMPLE};"
            " on one machine, python -m devices --workers 2 -- dcgan.py ... sets it"
        )
    try:
        record = json.loads(text)
        jobs, task = record["cluster"], record["task"]
        cluster = Cluster(tuple(map(_address, jobs["worker"])), int(task["index"]))
        if set(jobs) != {"worker"} or task["type"] != "worker":
            raise ValueError("has jobs other than worker")
        if not 0 <= cluster.index < len(cluster.addresses):
            raise ValueError(f"has {len(cluster.addresses)} workers and no index {cluster.index}")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = f"lacks {error}" if isinstance(error, KeyError) else error
        raise OptionError(
            f"{VARIABLE} {text[:200]}: is not understood ({reason}); it should look like {EXAMPLE}"
        ) from None
    return cluster


def _address(text):
    host, _, port = text.rpartition(":")
    if not (host and port.isdecimal()):
        raise ValueError(f"{text!r} is no host:port")
    return text
