"""LangChain with its packages for Ollama's API and for OpenAI's, unchanged, through the gateway."""

import asyncio
import os

import ollama
import openai
from langchain_core.tools import tool
from langchain_ollama import ChatOllama, OllamaEmbeddings, OllamaLLM
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

gateway, key = os.environ["GATEWAY"], os.environ["KEY"]
of_ollama = {
    "base_url": gateway,
    "client_kwargs": {"headers": {"Authorization": f"Bearer {key}"}},
}
of_openai = {"base_url": f"{gateway}/v1", "api_key": key, "max_retries": 0}


@tool
def weather(place: str) -> str:
    """Tell the weather."""
    return place


def chats(make, refusal):
    chat = make("llama3.2:3b")
    answer = chat.invoke("Hello").content
    assert answer
    assert "".join(part.content for part in chat.stream("Hello")) == answer
    assert asyncio.run(chat.ainvoke("Hello")).content == answer
    assert chat.bind_tools([weather]).invoke("Hello").content
    assert chat.batch(["Hello", "again"])
    try:
        make("llama3.3:70b").invoke("Hello")
        raise AssertionError("not refused")
    except refusal as error:
        assert "llama3.3:70b" in str(error), error


chats(lambda model: ChatOllama(model=model, **of_ollama), ollama.ResponseError)
chats(lambda model: ChatOpenAI(model=model, **of_openai), openai.PermissionDeniedError)
# It pins the model with every request, and asks whether it is there.
kept = ChatOllama(model="llama3.2:3b", keep_alive=-1, validate_model_on_init=True, **of_ollama)
assert kept.invoke("Hello").content
assert OllamaLLM(model="llama3.2:3b", **of_ollama).invoke("Hello")
assert len(OllamaEmbeddings(model="llama3.2:3b", **of_ollama).embed_documents(["a", "b"])) == 2
embeddings = OpenAIEmbeddings(model="llama3.2:3b", check_embedding_ctx_length=False, **of_openai)
assert len(embeddings.embed_documents(["a", "b"])) == 2
print("ok")
