"""The whole audit of a cipher, and its table for a terminal."""

from crypto.audit.eves import fresh_eves, other_eves
from crypto.audit.exact import discovered, exact_audit, key_use
from crypto.audit.selective import selective_audit


def audit_cipher(alice, cipher, *, protected, messages, exhaustive, eves, announce):
    """Everything that `--mode audit` finds out.

    Args:
        alice: keras.Model, to which fresh Eves listen.
        cipher: ciphers.Cipher of Alice and Bob.
        protected: ints, indices of the bits that are kept from Eve.
        messages, exhaustive: as `exact.exact_audit`; if some bits are open, settings of those, as
            `selective.selective_audit`.
        eves: int, fresh Eves of each kind; 0 leaves all Eves out.
        announce: callable for one line of text.
    Returns:
        dict for `json.dumps`: "message_bits", "key_bits", "exact" or "protected", "key_use",
        "discovered", and with Eves "fresh_eves" and "other_eves".
    """
    announce("counting ciphertexts under all keys")
    how = {"exhaustive": exhaustive, "announce": announce}
    report = {
        "message_bits": cipher.message_bits,
        "key_bits": cipher.key_bits,
        **(
            {"protected": selective_audit(cipher, protected, settings=messages, **how)}
            if len(protected) < cipher.message_bits
            else {"exact": exact_audit(cipher, messages=messages, **how)}
        ),
        "key_use": key_use(cipher),
        "discovered": discovered(cipher),
    }
    if eves:
        announce(f"{eves} fresh Eves of each kind listen")
        report["fresh_eves"] = fresh_eves(alice, protected, count=eves, announce=announce)
        report["other_eves"] = other_eves(cipher, protected)
    return report


def format_audit(report):
    """A report of `audit_cipher` as text.

    Returns:
        str of several lines, in a fixed-width layout.
    """
    bits = report["message_bits"]
    if "protected" in report:
        rows = [*_protected_rows(report["protected"], bits)]
        bits = len(report["protected"]["bits"])
    else:
        rows = [*_exact_rows(report["exact"], bits)]
    rows += _key_rows(report["key_use"], report)
    for name, wrong in report.get("fresh_eves", {}).items():
        shown = ", ".join(f"{each:.3f}" for each in wrong)
        rows.append((f"fresh {name} Eves, bits wrong of {bits}", shown))
    for name, wrong in report.get("other_eves", {}).items():
        rows.append((f"Eve by {name}, bits wrong of {bits}", f"{wrong:.3f}"))
    rows.append(("ciphertext bits", ""))
    rows += [(f"  bit {index}", _rule(rule)) for index, rule in enumerate(report["discovered"])]
    width = max(len(title) for title, _ in rows)
    return "\n".join(f"{title:<{width}}  {value}".rstrip() for title, value in rows)


def _exact_rows(exact, bits):
    counted = f"{exact['messages']} plaintexts x {exact['keys']} keys"
    proof = "all there are: a proof" if exact["exhaustive"] else "an estimate over plaintexts"
    yield "counted", f"{counted}, {proof}"
    if exact["exhaustive"]:
        yield "leak I(P; C), bits, exact", f"{exact['leak_at_most']:.6f} of {bits}"
    else:
        low, high = exact["leak_at_least"], exact["leak_at_most"]
        yield "leak I(P; C), bits", f"{low:.6f} to {high:.6f} of {bits}"
    yield "largest leak of a plaintext, bits", f"{exact['largest_leak']:.6f}"
    if exact["total_variation"] is not None:
        mean, largest = exact["total_variation"], exact["largest_total_variation"]
        yield "total variation from uniform", f"{mean:.6f}, largest {largest:.6f}"
    yield from _bob_rows(exact, bits)


def _protected_rows(exact, bits):
    protected = len(exact["bits"])
    yield "protected bits", ", ".join(map(str, exact["bits"]))
    counted = f"{exact['settings']} settings of the {bits - protected} open bits"
    proof = "all there are: a proof" if exact["exhaustive"] else "an estimate over settings"
    yield "counted", f"{counted} x {exact['messages']} words x {exact['keys']} keys, {proof}"
    low, high = exact["leak_at_least"], exact["leak_at_most"]
    shown = f"{high:.6f}" if low == high else f"{low:.6f} to {high:.6f}"
    yield "leak I(P protected; C | P open), bits", f"{shown} of {protected}"
    yield "largest leak under a setting, bits", f"{exact['largest_leak']:.6f}"
    yield from _bob_rows(exact, bits)


def _bob_rows(exact, bits):
    yield "Bob, bits wrong", f"{exact['bob_bits_wrong']:.6f} of {bits}"
    if exact["invertible_keys"] is not None:
        share = f"{100 * exact['invertible_keys']:.1f} % of {exact['keys_tried']} tried"
        yield "keys under which it is invertible", share


def _key_rows(use, report):
    bits = report["message_bits"]
    flipped, moved = use["flipped_key_bits_wrong"], use["key_avalanche"]
    yield "Bob with a wrong key, bits wrong", f"{use['wrong_key_bits_wrong']:.3f} of {bits}"
    yield "Bob with one key bit flipped", f"{min(flipped):.3f} to {max(flipped):.3f} bits wrong"
    yield "ciphertext bits that a key bit flips", f"{min(moved):.3f} to {max(moved):.3f}"
    moved = use["plaintext_avalanche"]
    yield "ciphertext bits that a plaintext bit flips", f"{min(moved):.3f} to {max(moved):.3f}"
    yield "dead key bits", ", ".join(map(str, use["dead_key_bits"])) or "none"
    if use["reuse_leak_at_most"] is not None:
        leak = f"{use['reuse_leak_at_most']:.3f} of {2 * bits} bits"
        yield "two messages under one key leak at most", leak


def _rule(rule):
    sign = "not " if rule["inverted"] else ""
    formula = f"{sign}(plaintext {rule['plaintext_bit']} xor key {rule['key_bit']})"
    if rule["key_bit"] is None:
        formula = f"{sign}plaintext {rule['plaintext_bit']}, in the clear"
    return f"{formula}, in {100 * rule['agreement']:.2f} % of cases"
