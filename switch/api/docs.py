"""The page `/docs`: the requests there are, as one HTML page that loads nothing, from us or from elsewhere."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 16px/1.5 sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff }}
h2 {{ margin: 2rem 0 0; font: bold 1rem/1.5 monospace; background: #eee; padding: .3rem .6rem }}
table {{ border-collapse: collapse }} td {{ padding: .1rem 1rem .1rem 0; vertical-align: top }} code {{ white-space: nowrap }}
</style></head><body><h1>{title}</h1>"""
_USE = "Send the header <code>Authorization: Bearer TOKEN</code> with the token that the operator gave you."
_END = "<p>All of it for programs, as OpenAPI: <code>/openapi.json</code></p></body></html>"


def docs_page(openapi: Mapping[str, Any]) -> str:
    """HTML of an OpenAPI document."""
    parts = [_HEAD.format(title=escape(openapi["info"]["title"])), _paragraphs(openapi["info"]["description"]), f"<p>{_USE}</p>"]
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            parts.extend(_operation(f"{method.upper()} {path}", operation, openapi["components"]["schemas"]))
    return "\n".join([*parts, _END])


def _operation(title: str, operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[str]:
    yield f"<h2>{escape(title)}</h2><p><b>{escape(operation['summary'])}</b></p>"
    yield _paragraphs(operation.get("description", ""))
    rows = [(each["name"], each["in"], each.get("description", "")) for each in operation.get("parameters", ())]
    content = operation.get("requestBody", {}).get("content", {})
    for media in content.values():
        body = schemas[media["schema"]["$ref"].rpartition("/")[2]]
        required = body.get("required", ())
        rows += [
            (name, "body, required" if name in required else "body", key.get("description", ""))
            for name, key in body["properties"].items()
        ]
    cells = "".join(f"<tr><td><code>{escape(name)}</code><td>{escape(where)}<td>{escape(about)}" for name, where, about in rows)
    yield f"<table>{cells}</table>" if cells else ""


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{escape(part)}</p>" for part in text.split("\n\n") if part.strip())
