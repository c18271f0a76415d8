"""Every kind of credential that a client of Python can carry.

The client's name is the argument. What it is told stands in JSON on standard input; what it
lists with each kind is printed as JSON.
"""

import base64
import json
import ssl
import sys

import signing

world = json.load(sys.stdin)
plain, key, token = world["plain"], world["key"], world["token"]
in_path = f"{plain}/k/{key}"
basic = base64.b64encode(f"{world['user']}:{world['password']}".encode()).decode()
tls = ssl.create_default_context(cafile="ca.pem")
tls.load_cert_chain("carol.pem", "carol.key")
public = signing.blob("ollama.pem")


def of_urllib():
    from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

    def ask(headers=None, path="/api/tags", base=plain):
        opener = build_opener(ProxyHandler({}), HTTPSHandler(context=tls))
        with opener.open(Request(base + path, headers=headers or {})) as answer:
            return [model["name"] for model in json.load(answer)["models"]]

    def signed():
        ts, header = signing.sign("GET", "/api/tags", "ollama.pem", public)
        return ask({"Authorization": header}, f"/api/tags?ts={ts}")

    return {
        "key": lambda: ask({"Authorization": f"Bearer {key}"}),
        "x-api-key": lambda: ask({"x-api-key": key}),
        "key in the path": lambda: ask(base=in_path),
        "password": lambda: ask({"Authorization": f"Basic {basic}"}),
        "token": lambda: ask({"Authorization": f"Bearer {token}"}),
        "certificate": lambda: ask(base=world["tls"]),
        "Ollama key": signed,
    }


def of_ollama():
    import httpx
    import ollama

    class Signed(httpx.Auth):
        def auth_flow(self, request):
            ts, header = signing.sign(request.method, request.url.path, "ollama.pem", public)
            request.url = request.url.copy_merge_params({"ts": ts})
            request.headers["Authorization"] = header
            yield request

    def ask(base=plain, **options):
        client = ollama.Client(host=base, trust_env=False, **options)
        return [model.model for model in client.list().models]

    return {
        "key": lambda: ask(headers={"Authorization": f"Bearer {key}"}),
        "x-api-key": lambda: ask(headers={"x-api-key": key}),
        "key in the path": lambda: ask(in_path),
        "password": lambda: ask(auth=(world["user"], world["password"])),
        "token": lambda: ask(headers={"Authorization": f"Bearer {token}"}),
        "certificate": lambda: ask(world["tls"], verify=tls),
        "Ollama key": lambda: ask(auth=Signed()),
    }


def of_openai():
    import httpx2
    import openai

    def ask(base=plain, headers=None, **options):
        http = httpx2.Client(trust_env=False, verify=tls)
        client = openai.OpenAI(base_url=base + "/v1", http_client=http, max_retries=0, **options)
        return [model.id for model in client.models.list(extra_headers=headers)]

    # It cannot be made without a key; where a certificate proves enough, none is sent.
    none = {"Authorization": openai.Omit()}
    return {
        "key": lambda: ask(api_key=key),
        "key in the path": lambda: ask(in_path, api_key=key),
        "password": lambda: ask(
            api_key="none", default_headers={"Authorization": f"Basic {basic}"}
        ),
        "token": lambda: ask(api_key=token),
        "certificate": lambda: ask(world["tls"], none, api_key="none"),
    }


def of_anthropic():
    import anthropic
    import httpx2

    def ask(base=plain, **options):
        http = httpx2.Client(trust_env=False, verify=tls)
        client = anthropic.Anthropic(base_url=base, http_client=http, max_retries=0, **options)
        return [model.id for model in client.models.list()]

    none = {"Authorization": anthropic.Omit()}
    return {
        "key": lambda: ask(api_key=key),
        "x-api-key": lambda: ask(api_key="none", default_headers={**none, "X-Api-Key": key}),
        "key in the path": lambda: ask(in_path, api_key=key),
        "password": lambda: ask(
            api_key="none", default_headers={"Authorization": f"Basic {basic}"}
        ),
        "token": lambda: ask(auth_token=token),
        "certificate": lambda: ask(world["tls"], api_key="none", default_headers=none),
    }


clients = {
    "urllib": of_urllib,
    "ollama-python": of_ollama,
    "openai": of_openai,
    "anthropic": of_anthropic,
}
json.dump({kind: ask() for kind, ask in clients[sys.argv[1]]().items()}, sys.stdout)
