"""Signatures as Ollama's own command makes them where OLLAMA_AUTH=1 is set.

Source: Ollama api/client.go and auth/auth.go: the text METHOD,/path?ts=<seconds>, signed with
the ed25519 key, and sent as <public key>:<signature> in base64.
"""

import base64
import subprocess
import tempfile
import time


def sign(method, path, key, public):
    """The query to add, and the header; `key` is a file in PEM, `public` the key's blob."""
    ts = str(int(time.time()))
    with tempfile.NamedTemporaryFile() as message:
        message.write(f"{method},{path}?ts={ts}".encode())
        message.flush()
        command = ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", message.name]
        signature = base64.b64encode(subprocess.check_output(command)).decode()
    return ts, f"{public}:{signature}"


def blob(key):
    """The public part of a key in the form of an id_ed25519.pub, in base64."""
    command = ["openssl", "pkey", "-in", key, "-pubout", "-outform", "DER"]
    raw = subprocess.check_output(command)[-32:]
    return base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + raw).decode()


if __name__ == "__main__":
    import sys

    print(blob(sys.argv[1]))
