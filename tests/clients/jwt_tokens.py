"""PyJWT as an issuer: makes keys in a directory, and prints tokens with what they deserve."""

import base64
import hashlib
import hmac
import json
import os
import sys
import time

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

directory = sys.argv[1]
now = int(time.time())
secret = "a secret that PyJWT and the gateway share"
rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ec_key = ec.generate_private_key(ec.SECP256R1())
ed_key = ed25519.Ed25519PrivateKey.generate()
pem = {}
for name, key in (("rsa", rsa_key), ("ec", ec_key), ("ed", ed_key)):
    pem[name] = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    with open(f"{directory}/{name}.pem", "wb") as file:
        file.write(pem[name])
keys = [
    {**json.loads(algorithm.to_jwk(key.public_key())), "kid": kid, "use": "sig"}
    for kid, algorithm, key in (
        ("rsa-1", RSAAlgorithm, rsa_key),
        ("ec-1", ECAlgorithm, ec_key),
        ("ed-1", OKPAlgorithm, ed_key),
    )
]
with open(f"{directory}/jwks.json", "w") as file:
    json.dump({"keys": keys}, file)
with open(os.open(f"{directory}/shared", os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
    file.write(secret + "\n")


def claims(issuer, **changes):
    all = {"iss": issuer, "aud": "ollama", "sub": "alice", "exp": now + 600, **changes}
    return {name: value for name, value in all.items() if value is not None}


def signed(issuer, key, alg, kid=None, **changes):
    return jwt.encode(claims(issuer, **changes), key, alg, headers={"kid": kid} if kid else None)


def part(value):
    return base64.urlsafe_b64encode(value).rstrip(b"=")


def hs256_with(key, issuer):
    """What PyJWT itself refuses to make: the public key as a secret."""
    text = part(b'{"alg":"HS256","typ":"JWT"}') + b"." + part(json.dumps(claims(issuer)).encode())
    return (text + b"." + part(hmac.new(key, text, hashlib.sha256).digest())).decode()


good = signed("set", rsa_key, "RS256", "rsa-1")
head, body, signature = good.split(".")
tokens = [
    ("RS256 of a set", good, 200),
    ("ES256 of a set", signed("set", ec_key, "ES256", "ec-1"), 200),
    ("EdDSA of a set", signed("set", ed_key, "EdDSA", "ed-1"), 200),
    ("without a kid", signed("set", ed_key, "EdDSA"), 200),
    ("RS256 by PEM", signed("rsa", rsa_key, "RS256"), 200),
    ("ES256 by PEM", signed("ec", ec_key, "ES256"), 200),
    ("EdDSA by PEM", signed("ed", ed_key, "EdDSA"), 200),
    ("HS256", signed("shared", secret, "HS256"), 200),
    ("all claims", signed("shared", secret, "HS256", iat=now, nbf=now, jti="x", aud=["a", "ollama"]), 200),
    ("none", jwt.encode(claims("set"), None, "none"), 401),
    ("HS512", signed("shared", secret, "HS512"), 401),
    ("PS256", signed("set", rsa_key, "PS256", "rsa-1"), 401),
    ("the public key as a secret", hs256_with(pem["rsa"], "rsa"), 401),
    ("the secret of another issuer", signed("rsa", secret, "HS256"), 401),
    ("another issuer's key", signed("ed", ec_key, "ES256"), 401),
    ("another kid", signed("set", rsa_key, "RS256", "ec-1"), 401),
    ("an unknown kid", signed("set", rsa_key, "RS256", "rsa-2"), 401),
    ("expired", signed("set", ed_key, "EdDSA", "ed-1", exp=now - 120), 401),
    ("not valid yet", signed("set", ed_key, "EdDSA", "ed-1", nbf=now + 300), 401),
    ("too long lived", signed("set", ed_key, "EdDSA", "ed-1", exp=now + 10**7), 401),
    ("without exp", signed("set", ed_key, "EdDSA", "ed-1", exp=None), 401),
    ("another audience", signed("set", ed_key, "EdDSA", "ed-1", aud="other"), 401),
    ("without aud", signed("set", ed_key, "EdDSA", "ed-1", aud=None), 401),
    ("an unknown issuer", signed("unheard-of", ed_key, "EdDSA", "ed-1"), 401),
    ("an unknown user", signed("set", ed_key, "EdDSA", "ed-1", sub="nobody"), 401),
    ("without sub", signed("set", ed_key, "EdDSA", "ed-1", sub=None), 401),
    ("crit", jwt.encode(claims("set"), ed_key, "EdDSA", headers={"kid": "ed-1", "crit": ["x"], "x": 1}), 401),
    ("other claims", ".".join((head, signed("set", rsa_key, "RS256", sub="bob").split(".")[1], signature)), 401),
    ("no signature", f"{head}.{body}.", 401),
]
print(json.dumps(tokens))
