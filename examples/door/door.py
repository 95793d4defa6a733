#!/usr/bin/env python3
"""Opens a door for the grant on standard input, and locks it at the end of the paid time. It fails closed.

    door.py ASSET KEYS ISSUER UNLOCK LOCK < grant

KEYS is a file: curl -so jwks.json https://coinop.example/.well-known/jwks.json
UNLOCK and LOCK are commands. It needs the package `cryptography`, and not Coinop.
"""

import base64
import json
import re
import signal
import subprocess
import sys
import time

# A clock that is behind this moment is wrong: 2025-01-01. Write the day here on which you set the door up.
EARLIEST = 1_735_689_600


class Refused(Exception):
    """Why the door stays shut."""


def decoded(part):
    """Decodes base64url without padding, and nothing else."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", part):
        raise Refused("this is not a grant")
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def key_of(keys, kid):
    """Returns the public key of this name in a JWK set."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    for key in keys["keys"]:
        if key.get("kid") == kid and key.get("kty") == "OKP" and key.get("crv") == "Ed25519":
            return Ed25519PublicKey.from_public_bytes(decoded(key["x"]))
    raise Refused("the grant names a key that is not among the gateway's")


def seconds_left(grant, asset, keys, issuer, now):
    """Returns how long the door may be open, in seconds. Raises for everything that is not certain."""
    if now < EARLIEST:
        raise Refused("the clock is wrong")
    if grant.strip().count(".") != 2:
        raise Refused("this is not a grant")
    signed, signature = grant.strip().rsplit(".", 1)
    header, claims = (json.loads(decoded(part)) for part in signed.split("."))
    if header["alg"] != "EdDSA" or header["typ"] != "coinop-grant+jwt" or "crit" in header:
        raise Refused("this is not a grant")
    key_of(keys, header["kid"]).verify(decoded(signature), signed.encode())
    if claims["aud"] != asset or claims["iss"] != issuer:
        raise Refused("the grant is for another door")
    left = claims["endsAtMs"] / 1000 - now
    if claims["nbf"] > now or left <= 0:
        raise Refused("the grant is not in force now")
    return left


def run(command):
    """Runs a command, which has to succeed."""
    subprocess.run(command, shell=True, check=True, stdin=subprocess.DEVNULL, timeout=10)


def stopped(*_):
    """Ends the program as an error would, so that it locks."""
    raise Refused("stopped by a signal")


def main():
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    asset, keys, issuer, unlock, lock = sys.argv[1:]
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, stopped)
    # Locked before anything else, and again however this ends.
    run(lock)
    try:
        with open(keys, encoding="utf-8") as file:
            known = json.load(file)
        left = seconds_left(sys.stdin.read(65_536), asset, known, issuer, time.time())
        end = time.monotonic() + left
        run(unlock)
        time.sleep(max(0, end - time.monotonic()))
    finally:
        run(lock)


if __name__ == "__main__":
    try:
        main()
    except Exception as error:  # Whatever it is, the door is shut.
        sys.exit(f"the door stays shut: {error or type(error).__name__}")
