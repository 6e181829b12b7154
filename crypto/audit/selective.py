"""The audit of a cipher that protects only some bits of its messages.

What counts is what the ciphertext says about the protected bits if all others are known,
I(P_protected; C | P_open). For each setting o of the open bits

I(P_protected; C | P_open = o) = H(C | o) - mean over p of H(C | o, p),

and both terms are exact if all words p of the protected bits are counted under all keys.
"""

import numpy as np

from crypto.audit.exact import INVERTIBLE_KEYS, Marginal, count, entropy, invertible_keys
from crypto.ciphers import all_words, random_words

PAIRS = 2**26  # of protected word and key, counted for each setting of the open bits


def selective_audit(
    cipher,
    protected,
    *,
    settings=8,
    pairs=PAIRS,
    seed=0,
    exhaustive=False,
    keys_tried=INVERTIBLE_KEYS,
    announce=None,
):
    """How secret the protected bits are if the others are known, with all keys counted.

    Args:
        cipher: ciphers.Cipher, binary.
        protected: ints, indices of plaintext bits; not all.
        settings: int, settings of the open bits to count; the figures are means over them.
        pairs: int, most pairs of protected word and key to count for a setting; if all words are
            too many, some are drawn.
        seed: int, of the random words.
        exhaustive: bool, count all settings and all protected words instead.
        keys_tried, announce: as `exact.exact_audit`.
    Returns:
        dict for `json.dumps`: "bits", the protected; "settings", "messages" of each, "keys",
        "exhaustive"; "leak_at_least" and "leak_at_most", bits of I(P_protected; C | P_open), equal
        if all protected words were counted; "largest_leak", of any of the settings;
        "bob_bits_wrong", of all bits; "invertible_keys" and "keys_tried".
    """
    open_bits = np.setdiff1d(np.arange(cipher.message_bits), protected)
    wanted = max(2, pairs >> cipher.key_bits)
    if exhaustive:
        settings, wanted = 2 ** len(open_bits), 2 ** len(protected)
    drawn = random_words(settings, len(open_bits), seed)
    hidden = random_words(wanted, len(protected), seed + 1)
    keys = all_words(cipher.key_bits)
    look = cipher.under(keys)
    plaintexts = np.empty((len(hidden), cipher.message_bits), np.float32)
    plaintexts[:, list(protected)] = hidden
    rows = []
    for index, setting in enumerate(drawn):
        plaintexts[:, open_bits] = setting
        rows.append(_leak_of_setting(cipher, look, plaintexts, len(protected)))
        if announce and index % 16 == 15:
            announce(f"{index + 1} of {len(drawn)} settings of the open bits counted")
    least, most, wrong = np.mean(rows, axis=0)
    return {
        "bits": list(protected),
        "settings": len(drawn),
        "messages": len(hidden),
        "keys": len(keys),
        "exhaustive": len(drawn) == 2 ** len(open_bits) and len(hidden) == 2 ** len(protected),
        "leak_at_least": float(least),
        "leak_at_most": float(most),
        "largest_leak": max(row[1] for row in rows),
        "bob_bits_wrong": float(wrong),
        **invertible_keys(cipher, keys_tried),
    }


def _leak_of_setting(cipher, look, plaintexts, protected_bits):
    """Bits that ciphertexts give away of these plaintexts, at least and at most; Bob's wrong bits.

    The first two are equal if these are all words of the protected bits.
    """
    entropies, wrong, total = [], [], Marginal(cipher)
    for plaintext in plaintexts:
        codes, bits_wrong = look(plaintext)
        entropies.append(entropy(count(cipher, codes)))
        wrong.append(bits_wrong)
        total.add(codes)
    uncertain = float(np.mean(entropies))
    least = max(0.0, total.entropy() - uncertain)
    # A ciphertext has at most message_bits of entropy, and only protected_bits can leak.
    most = min(protected_bits, cipher.message_bits - uncertain)
    return least, least if len(plaintexts) == 2**protected_bits else most, np.mean(wrong)
