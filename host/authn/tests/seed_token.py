"""The public example that the token format comes from, and a door to it for tests.

generate_token and verify_token are the functions of the chapter "API Authentication"
in a guide to local AI services, unchanged but for their indentation. What follows them
runs one of the two, with the clock standing still where the caller asks for it.
"""

import hashlib
import hmac
import json
import sys
import time


def generate_token(api_secret: str, user_id: str, ttl_seconds: int = 3600) -> str:
    """Generate a time-limited authentication token."""
    expiry = int(time.time()) + ttl_seconds
    payload = f"{user_id}:{expiry}"
    signature = hmac.new(
        api_secret.encode(),
        payload.encode(),
        hashlib.sha256
    ).hexdigest()
    return f"{payload}:{signature}"


def verify_token(api_secret: str, token: str) -> bool | str:
    """Verify token and return user_id if valid, False otherwise."""
    try:
        user_id, expiry, signature = token.rsplit(":", 2)
        if int(expiry) < time.time():
            return False  # Expired
        expected_sig = hmac.new(
            api_secret.encode(),
            f"{user_id}:{expiry}".encode(),
            hashlib.sha256
        ).hexdigest()
        if hmac.compare_digest(signature, expected_sig):
            return user_id
        return False
    except ValueError:
        return False


def answer(request: dict) -> bool | str:
    time.time = lambda: request["now"]
    if request["call"] == "generate":
        return generate_token(request["secret"], request["user"], request["ttl"])
    return verify_token(request["secret"], request["token"])


if __name__ == "__main__":
    # One JSON list of requests in, one JSON list of answers out.
    json.dump([answer(request) for request in json.load(sys.stdin)], sys.stdout)
