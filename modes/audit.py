"""--mode audit."""

import json
import pathlib

from cli.terminal import say
from crypto.audit.report import audit_cipher, format_audit
from images.pictures import save_text
from modes.cipher import open_cipher
from training import finding

EVES = 5


def audit(flags):
    """--mode audit: says how secret the cipher is, as a table and as JSON."""
    run, supplied, cipher = open_cipher(flags)
    options = run.read_config()
    few = options.preset != "secret" or options.protect is not None  # each takes long to count
    report = audit_cipher(
        run.load_agent("alice"),
        cipher,
        protected=options.protected,
        messages=flags.messages or (8 if few else 64),
        exhaustive=flags.exhaustive,
        eves=EVES if flags.eves is None else flags.eves,
        announce=say,
    )
    usual = finding.default_path("crypto", options.preset) if supplied else run.path
    path = pathlib.Path(flags.output or usual / "audit.json").expanduser()
    save_text(path, json.dumps(report, indent=2) + "\n")
    say(format_audit(report))
    say(f"wrote {path}")
    return 0
