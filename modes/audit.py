"""--mode audit."""

import pathlib

from cli.terminal import say
from crypto.audit.report import audit_cipher, format_audit
from images.writing import save_report
from modes.cipher import open_cipher
from modes.selection import check_places
from training import finding

EVES = 5


def audit(flags):
    """--mode audit: says how secret the cipher is, as a table and as JSON."""
    run, supplied, cipher = open_cipher(flags)
    options = run.read_config()
    usual = finding.default_path("crypto", options.preset) if supplied else run.path
    path = pathlib.Path(flags.output or usual / "audit.json").expanduser()
    check_places(flags, path)
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
    save_report(path, report)
    say(format_audit(report))
    say(f"wrote {path}")
    return 0
