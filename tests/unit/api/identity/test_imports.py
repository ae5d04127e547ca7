"""The libraries for tokens are loaded only by a server whose settings name an issuer."""

import subprocess
import sys


def test_the_libraries_for_tokens_are_not_loaded_at_the_start():
    program = "import sys, api.cli.server; sys.exit('joserfc' in sys.modules or 'cryptography' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
