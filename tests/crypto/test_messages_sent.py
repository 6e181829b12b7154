"""Files that go from Alice to Bob: whole, private, in pieces, and never over another file."""

import io
import os
import pathlib
import stat
import types

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crypto import files, keys, messages, pieces, receiving, sending
from crypto.messages import MessageError
from images.writing import PlaceError

SLOWLY = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def pad(bits=16, misreads=0):
    """A one-time pad; a Bob who misreads a block when its key's number divides by `misreads`."""

    def decrypt(ciphertext, key):
        guess = -ciphertext * key
        if misreads:
            numbers = (key > 0) @ (1 << np.arange(bits))
            guess[numbers % misreads == 0, 0] *= -1
        return guess

    return types.SimpleNamespace(
        message_bits=bits,
        key_bits=bits,
        binary=True,
        encrypt=lambda plaintext, key: -plaintext * key,
        decrypt=decrypt,
    )


def send(cipher, content, path, **options):
    return sending.send_file(
        cipher, files.given(content), files.target(path, overwrite=True), announce=print, **options
    )


def receive(cipher, path, key, back):
    with files.open_source(path) as source:
        receiving.receive_file(cipher, source, files.target(back, overwrite=True), key=key)
    return pathlib.Path(back).read_bytes()


@SLOWLY
@given(
    content=st.binary(max_size=200),
    bits=st.sampled_from([4, 7, 12, 16]),
    misreads=st.sampled_from([0, 3]),
    piece=st.sampled_from([1, 8, 17, 24, 1 << 16]),
)
def test_any_bytes_come_back_whole(tmp_path, monkeypatch, content, bits, misreads, piece):
    cipher = pad(bits, misreads)
    with monkeypatch.context() as patch:
        patch.setattr(pieces, "PIECE", piece)
        tally = send(cipher, content, tmp_path / "c")
    assert (tally.blocks, tally.misread) == (messages.num_blocks(len(content), bits), 0)
    key = keys.KeyFile(tmp_path / "c.key")
    assert receive(cipher, tmp_path / "c", key, tmp_path / "back") == content


@pytest.mark.parametrize("bits", [7, 16])
@pytest.mark.parametrize("piece", [3, 8, 40, 65_536])
def test_pieces_make_the_same_file_as_a_whole(tmp_path, monkeypatch, piece, bits):
    content = os.urandom(1001)
    blocks = messages.num_blocks(1001, bits)
    key = messages.fresh_key(blocks, bits)
    as_blocks = messages.to_blocks(content, bits)
    whole = messages.pack_ciphertext(
        -as_blocks * messages.key_blocks(key, blocks, bits), bits, len(content)
    )
    monkeypatch.setattr(pieces, "PIECE", piece)
    send(pad(bits), content, tmp_path / "c", key=keys.HexKey(key.hex()))
    assert (tmp_path / "c").read_bytes() == whole


def test_blocks_that_bob_misreads_get_another_key(tmp_path):
    cipher, content = pad(misreads=50), os.urandom(100_000)
    tally = send(cipher, content, tmp_path / "c")
    assert tally.misread == 0 and 800 < tally.redrawn < 1300
    key = keys.KeyFile(tmp_path / "c.key")
    assert receive(cipher, tmp_path / "c", key, tmp_path / "back") == content


def test_a_given_key_that_bob_misreads_is_refused_with_a_count(tmp_path):
    cipher, content = pad(misreads=50), bytes(2000)
    key = keys.HexKey(("0000" + "8000" * 9) * 100)  # bits come highest first: 0, then 1
    with pytest.raises(MessageError, match="misreads 100 of 1000 blocks .*--lossy"):
        send(cipher, content, tmp_path / "c", key=key)
    assert not list(tmp_path.iterdir())
    assert send(cipher, content, tmp_path / "c", key=key, lossy=True).misread == 100
    back = receive(cipher, tmp_path / "c", key, tmp_path / "back")
    assert sum(a != b for a, b in zip(back, content, strict=True)) == 100


def test_a_bob_who_reads_nothing_is_refused_under_any_key(tmp_path):
    with pytest.raises(MessageError, match="10 of 10 blocks under any of 100 keys"):
        send(pad(misreads=1), bytes(20), tmp_path / "c")
    assert not list(tmp_path.iterdir())


def test_what_fills_up_the_last_block_need_not_be_read(tmp_path):
    cipher = pad(16)
    flawed = types.SimpleNamespace(**vars(cipher))
    flawed.decrypt = lambda c, k: cipher.decrypt(c, k) * np.where(np.arange(16) == 15, -1, 1)
    key = keys.HexKey("00" * 2)
    assert send(flawed, b"x", tmp_path / "c", key=key).misread == 0
    with pytest.raises(MessageError, match="1 of 1 blocks"):
        send(flawed, b"xy", tmp_path / "c", key=key)


def test_keys_are_private_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        send(pad(), b"hello", tmp_path / "c")
    finally:
        os.umask(before)
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in tmp_path.iterdir()}
    assert modes == {"c": 0o666, "c.key": 0o600, "c.key.used": 0o600}


@pytest.mark.parametrize("name", ["c", "c.key", "c.key.used"])
@pytest.mark.parametrize("there", [True, False])
def test_a_planted_link_gets_nothing(tmp_path, name, there):
    victim = tmp_path / "victim"
    if there:
        victim.write_bytes(b"mine")
    (tmp_path / "c").parent.joinpath(name).symlink_to(victim)
    with pytest.raises(PlaceError, match="symbolic link"):
        send(pad(), b"hello", tmp_path / "c")
    assert victim.exists() is there and (not there or victim.read_bytes() == b"mine")


def test_devices_and_pipes_are_neither_read_nor_replaced(tmp_path):
    os.mkfifo(tmp_path / "c")
    with pytest.raises(OSError, match="Not a regular file"):
        send(pad(), b"hello", tmp_path / "c")
    with pytest.raises(MessageError, match="not a regular file; pipe it"):
        files.open_source(tmp_path / "c").__enter__()
    with pytest.raises(OSError, match="Not a regular file"):
        files.target("/dev/null", overwrite=True).check()
    with pytest.raises(MessageError, match="not a regular file"):
        keys.KeyFile("/dev/zero").open(5).__enter__()
    with pytest.raises(IsADirectoryError):
        files.open_source(tmp_path).__enter__()


@pytest.mark.parametrize("name", ["c", "c.key"])
def test_nothing_is_replaced_unasked(tmp_path, name):
    (tmp_path / name).write_bytes(b"mine")
    with pytest.raises(PlaceError, match="--overwrite"):
        sending.send_file(pad(), files.given(b"hi"), files.target(tmp_path / "c"))
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [(name, b"mine")]
    sending.send_file(pad(), files.given(b"hi"), files.target(tmp_path / "c", overwrite=True))
    assert len((tmp_path / "c.key").read_bytes()) == 2


@pytest.mark.parametrize(("name", "output"), [("c", "c"), ("c.key", "c"), ("c", "./a/../c")])
def test_what_is_sent_is_never_replaced(tmp_path, monkeypatch, name, output):
    monkeypatch.chdir(tmp_path)
    pathlib.Path("a").mkdir()
    pathlib.Path(name).write_bytes(b"mine")
    with (
        files.open_source(name) as source,
        pytest.raises(PlaceError, match="is read from"),
    ):
        sending.send_file(pad(), source, files.target(output, overwrite=True))
    assert pathlib.Path(name).read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["c", "c.key"])
def test_what_is_received_never_replaces_its_ciphertext_or_its_key(tmp_path, name):
    send(pad(), b"hello", tmp_path / "c")
    before = (tmp_path / name).read_bytes()
    with pytest.raises(PlaceError, match="is read from"):
        receive(pad(), tmp_path / "c", keys.KeyFile(tmp_path / "c.key"), tmp_path / name)
    assert (tmp_path / name).read_bytes() == before


def test_a_key_is_used_once(tmp_path):
    send(pad(), b"hello", tmp_path / "c")
    key = keys.KeyFile(tmp_path / "c.key")
    with pytest.raises(MessageError, match="already used .*--reuse_key"):
        send(pad(), b"world", tmp_path / "d", key=key)
    assert not (tmp_path / "d").exists()
    send(pad(), b"world", tmp_path / "d", key=keys.KeyFile(tmp_path / "c.key", reuse=True))
    record = (tmp_path / "c.key.used").read_text().splitlines()
    assert len(record) == 2 and record[1].endswith("  " + str(tmp_path / "d"))
    (tmp_path / "link").symlink_to("c.key")
    with pytest.raises(MessageError, match="already used"):
        send(pad(), b"world", tmp_path / "e", key=keys.KeyFile(tmp_path / "link"))


def test_what_is_read_uses_up_a_key(tmp_path):
    send(pad(), b"hello", tmp_path / "c")
    send(pad(), b"world", tmp_path / "d")
    (tmp_path / "bob").mkdir()
    (tmp_path / "c.key").rename(tmp_path / "bob" / "key")  # the record of its use stays with Alice
    said = []
    key = keys.KeyFile(tmp_path / "bob" / "key", announce=said.append)
    for _ in range(2):  # the same message may be read again
        assert receive(pad(), tmp_path / "c", key, tmp_path / "back") == b"hello"
    assert said == [] and len(key.record.read_text().splitlines()) == 1
    with pytest.raises(MessageError, match="already used .*--reuse_key"):
        send(pad(), b"reply", tmp_path / "e", key=key)
    receive(pad(), tmp_path / "d", key, tmp_path / "back")
    assert len(said) == 1 and "used for another message" in said[0]
    receive(pad(), tmp_path / "d", key, tmp_path / "back")
    assert len(said) == 1


def test_a_use_that_cannot_be_recorded_is_said(tmp_path):
    send(pad(), b"hello", tmp_path / "c")
    said = []
    key = keys.KeyFile(tmp_path / "c.key", announce=said.append)
    key.record.unlink()
    key.record.symlink_to(tmp_path / "victim")
    assert receive(pad(), tmp_path / "c", key, tmp_path / "back") == b"hello"
    assert len(said) == 1 and "cannot be recorded" in said[0]
    assert not (tmp_path / "victim").exists()


def test_a_key_whose_message_was_not_sent_is_still_good(tmp_path):
    (tmp_path / "key").write_bytes(bytes(2))
    key = keys.KeyFile(tmp_path / "key")
    with pytest.raises(MessageError, match="--lossy"):
        send(pad(misreads=1), b"hi", tmp_path / "c", key=key)
    assert [p.name for p in tmp_path.iterdir()] == ["key"]
    send(pad(), b"hi", tmp_path / "c", key=key)
    assert stat.S_IMODE((tmp_path / "key.used").stat().st_mode) == 0o600


def test_a_key_that_others_can_read_is_warned_of(tmp_path):
    (tmp_path / "key").write_bytes(bytes(2))
    said = []
    for mode in (0o600, 0o640):
        (tmp_path / "key").chmod(mode)
        with keys.KeyFile(tmp_path / "key", announce=said.append).open(2):
            pass
    assert len(said) == 1 and "mode 0640" in said[0]


@pytest.mark.parametrize("form", ["{}", "{}\n", " {} \r\n", "upper"])
def test_a_key_file_may_hold_what_send_prints(tmp_path, form):
    key = os.urandom(50)
    text = key.hex().upper() if form == "upper" else form.format(key.hex())
    (tmp_path / "key").write_text(text)
    with keys.KeyFile(tmp_path / "key").open(50) as stream:
        assert b"".join([stream.read(7), stream.read(43)]) == key


def test_a_raw_key_that_looks_like_digits_is_raw_where_it_fits(tmp_path):
    (tmp_path / "key").write_bytes(b"0123456789")
    with keys.KeyFile(tmp_path / "key").open(10) as stream:
        assert stream.read(10) == b"0123456789"
    with keys.KeyFile(tmp_path / "key").open(5) as stream:
        assert stream.read(5) == bytes.fromhex("0123456789")
    for needed, named in ((4, "10 hexadecimal digits"), (6, "10 bytes"), (11, "10 bytes")):
        with pytest.raises(MessageError, match=f"key: the key has {named}"):
            keys.KeyFile(tmp_path / "key").open(needed).__enter__()


def test_a_header_that_claims_too_much_costs_nothing(tmp_path):
    huge = messages.header_bytes(16, 16, 2**63)
    (tmp_path / "c").write_bytes(huge)
    with pytest.raises(MessageError, match="cut off"):
        receive(pad(), tmp_path / "c", keys.HexKey("00"), tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_a_file_that_shrinks_is_named(tmp_path):
    source = files.Source(io.BytesIO(b"abc"), 5, "letter")
    with pytest.raises(MessageError, match="letter: became shorter"):
        sending.send_file(pad(), source, files.target(tmp_path / "c"))
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_found_before_the_work(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    cipher = pad()
    cipher.encrypt = None  # the work would fail otherwise
    with pytest.raises(OSError, match="No space left") as caught:
        send(cipher, b"hello", tmp_path / "c")
    assert caught.value.filename == str(tmp_path / "c") and not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_found_before_the_work(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotADirectoryError) as caught:
        files.target(tmp_path / "file" / "c").check()
    assert "file" in caught.value.filename
    if os.geteuid():
        tmp_path.chmod(0o500)
        with pytest.raises(PermissionError) as caught:
            files.target(tmp_path / "c").check()
        assert caught.value.filename == str(tmp_path / "c")


def test_a_failure_at_the_last_moment_leaves_neither_file(tmp_path, monkeypatch):
    real = os.link

    def link(old, new):
        if pathlib.Path(new).name == "c":
            raise FileExistsError(17, "File exists", old)
        real(old, new)

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(FileExistsError) as caught:
        sending.send_file(pad(), files.given(b"hi"), files.target(tmp_path / "c"))
    assert caught.value.filename == str(tmp_path / "c") and not list(tmp_path.iterdir())


def test_standard_input_is_a_source(monkeypatch, tmp_path):
    content = os.urandom(3000)
    monkeypatch.setattr(files, "IN_MEMORY", 1000)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    with files.open_source("-") as source:
        assert source.size == 3000
        sending.send_file(pad(), source, files.target(tmp_path / "c"))
    key = keys.KeyFile(tmp_path / "c.key")
    assert receive(pad(), tmp_path / "c", key, tmp_path / "back") == content


def test_progress_is_said_now_and_then(monkeypatch):
    said = []
    times = iter([0.0, 1.0, 6.0, 7.0, 12.0])
    monkeypatch.setattr("time.monotonic", lambda: next(times))
    progress = pieces.Progress("encrypted", 4_000_000, said.append)
    for _ in range(4):
        progress.advance(1_000_000)
    assert said == ["encrypted 2 of 4 MB, 6 s left"]
