"""The picture of a session at a simulated board shows the commands of its script."""

import ast
import html
import re
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "docs" / "session"


def test_the_picture_is_of_these_commands():
    tree = ast.parse((FOLDER / "record.py").read_text(encoding="utf-8"))
    values = {node.targets[0].id: node.value for node in tree.body
              if isinstance(node, ast.Assign) and node.targets[0].id in ("SOURCE", "FEW")}
    names = {name: ast.literal_eval(value) for name, value in values.items()}
    commands, = (node.value for node in tree.body if isinstance(node, ast.Assign)
                 and node.targets[0].id == "COMMANDS")
    picture = (FOLDER / "session.svg").read_text(encoding="utf-8")
    assert "http://" not in picture.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in picture
    shown = "".join(html.unescape(re.sub(r"<[^>]*>", "", picture)).split())
    for command in commands.elts:
        text = eval(compile(ast.Expression(command), "", "eval"), names)
        assert "".join(text.split()) in shown
    assert shown.endswith("echothesamefilethesamefile")
