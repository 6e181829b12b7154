"""The server: its links, what it lets a browser load, ten visitors at once."""

import concurrent.futures
import urllib.request

import pytest

from lab import page
from tests.support.program import refused, run


def test_a_browser_is_told_to_load_nothing_from_elsewhere(address):
    with urllib.request.urlopen(address) as answer:
        policy, text = answer.headers["content-security-policy"], answer.read().decode()
    assert policy.startswith("default-src 'self'") and "googleapis" not in text
    assert page.TITLE in text


def test_ten_visitors_at_once_are_served(address):
    client = pytest.importorskip("gradio_client")
    visitors = [client.Client(address, verbose=False) for _ in range(10)]

    def look(visitor):
        return visitor.predict("", "trio-digits", "trio-digits", api_name="/read")

    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        for answers in pool.map(look, visitors):
            assert len(answers) == 2 and all("Draw something" in each for each in answers)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--port", "0"), "--port 0"),
        (("--port", "70000"), "--port 70000"),
        (("--host", ""), "--host: is empty"),
        (("--game", "gan"), "--game: is for --mode train"),
        (("--seed", "3"), "--seed: is for --mode train"),
    ],
)
def test_flags_of_the_lab_are_checked(words, named):
    refused(run("--mode", "lab", *words), 2, named)


def test_flags_of_the_lab_belong_to_it_alone():
    refused(run("--mode", "generate", "--port", "8000"), 2, "--port: is for --mode lab")


def test_a_port_that_is_taken_is_named(address):
    port = address.rstrip("/").rpartition(":")[2]
    refused(run("--mode", "lab", "--port", port), 2, f"--port {port}: is taken")
    refused(run("--mode", "lab", "--host", "192.0.2.1"), 2, "--host 192.0.2.1: cannot be served")
