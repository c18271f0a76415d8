"""The same question that Stockade answers: whose key is this, and may they use that model?"""

from fastapi import Request
from litellm.proxy._types import ProxyException, UserAPIKeyAuth

USERS = {"@KEY@": "alice"}
ALLOWED = {"alice": {"llama3.2:3b"}}


def refuse(code: int, message: str) -> ProxyException:
    return ProxyException(message=message, type="auth_error", param=None, code=code)


async def check(request: Request, api_key: str) -> UserAPIKeyAuth:
    user = USERS.get(api_key)
    if user is None:
        raise refuse(401, "unauthorized")
    body = await request.json()
    # Models named in UserAPIKeyAuth are not enforced for custom authentication.
    if body.get("model") not in ALLOWED[user]:
        raise refuse(403, "model not allowed")
    return UserAPIKeyAuth(api_key=api_key, user_id=user)
