"""The page at /docs: every path with an example that can be sent, without files from another server.

FastAPI's own page loads Swagger UI from a content network, so it is empty on a machine without internet.
"""

from __future__ import annotations

import json
from html import escape
from typing import Any

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
section { border: 1px solid #8886; border-radius: 8px; padding: .75rem 1rem; margin: 1rem 0; }
h2 { font-size: 1rem; margin: 0; } code { font-family: ui-monospace, monospace; }
.method { font-weight: 700; color: #0072B2; } @media (prefers-color-scheme: dark) { .method { color: #56B4E9; } }
textarea, pre { width: 100%; box-sizing: border-box; font: .85rem/1.4 ui-monospace, monospace; }
textarea { min-height: 8rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; max-height: 24rem; overflow: auto; }
input { font: inherit; width: 12rem; } button { font: inherit; padding: .2rem 1rem; margin: .5rem 0; }
"""

# Paths are taken relative to the page, so a proxy's prefix stays; their {parts} are filled from the inputs.
_SCRIPT = """
document.querySelectorAll("form").forEach(form => form.addEventListener("submit", async event => {
  event.preventDefault();
  let path = form.dataset.path;
  const query = new URLSearchParams();
  form.querySelectorAll("input").forEach(field => {
    if (field.dataset.in === "path") path = path.replace(`{${field.name}}`, encodeURIComponent(field.value));
    else if (field.value) query.set(field.name, field.value);
  });
  const body = form.querySelector("textarea");
  const output = form.querySelector("pre");
  const options = {method: form.dataset.method};
  if (body) Object.assign(options, {body: body.value, headers: {"Content-Type": "application/json"}});
  try {
    const answer = await fetch(new URL(`.${path}${query.size ? `?${query}` : ""}`, location.href), options);
    const text = await answer.text();
    let shown = text;
    try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch {}
    output.textContent = `HTTP ${answer.status}\\n${shown}`;
  } catch (error) { output.textContent = `The request could not be sent: ${error.message}`; }
}));
"""


def docs_page(document: dict[str, Any]) -> str:
    """Write the page for an OpenAPI document, to be shown beside the paths that it describes."""
    sections = "".join(
        _section(path, method, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    )
    title = escape(document["info"]["title"])
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body><h1>{title}</h1><p>{escape(document['info']['description'])}</p>"
        f'<p>For tools: <a href="openapi.json">openapi.json</a></p>{sections}'
        f"<script>{_SCRIPT}</script></body></html>"
    )


def _section(path: str, method: str, operation: dict[str, Any]) -> str:
    fields = "".join(
        f'<label>{escape(parameter["name"])} <input name="{escape(parameter["name"])}" data-in="{parameter["in"]}" '
        f'value="{escape(str(parameter.get("example", "")))}" title="{escape(parameter["description"])}"></label> '
        for parameter in operation.get("parameters", [])
    )
    body = ""
    if "requestBody" in operation:
        example = operation["requestBody"]["content"]["application/json"]["example"]
        body = f'<textarea aria-label="Body" spellcheck="false">{escape(json.dumps(example, indent=2))}</textarea>'
    return (
        f'<section><h2><span class="method">{method.upper()}</span> <code>{escape(path)}</code></h2>'
        f"<p>{escape(operation['summary'])}. {escape(operation.get('description', ''))}</p>"
        f'<form data-path="{escape(path)}" data-method="{method.upper()}">{fields}{body}<button>Send</button>'
        f'<pre role="status"></pre></form></section>'
    )
