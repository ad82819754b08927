"""Generated documents: results in docs/results, and texts made from templates."""

import json
from pathlib import Path

from bep_model.files import replacing


def stored(docs, name):
    """The contents of docs/results/NAME.json; None without a file, ValueError for a damaged one."""
    path = Path(docs) / "results" / f"{name}.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}") from None


def render(template, **values):
    """The text of a template of ``bep/reports/templates``; one of HTML escapes the values."""
    import jinja2  # an extra, which most commands do not need

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"), trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined,
        autoescape=template.endswith(".html.j2"))
    return environment.get_template(template).render(**values)


def write(path, text):
    """Write a text: into a temporary file, then renamed onto ``path``."""
    with replacing(path) as file:
        file.write(text.encode())
