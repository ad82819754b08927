"""docs/ builds as a site without a warning; its links lead somewhere, and its code runs."""

import pkgutil
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bep import cli
from bep_model import Config

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))
CONFIG = Config(5, (4, 3), 2)
NOT_RUN = {"mnist.md": "it needs data that are downloaded, and takes minutes"}
"""Pages whose Python blocks are not run."""
WHOLE = ("own-data.md",)
"""Pages whose blocks, Python and commands, are run in one folder from the first to the last."""


def build(root, site):
    """Build the site of a folder with mkdocs.yml; return its output, and whether it succeeded."""
    done = subprocess.run([sys.executable, "-m", "mkdocs", "build", "--site-dir", site],
                          cwd=root, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr, done.returncode == 0


def test_site(tmp_path):
    told, content = build(ROOT, tmp_path)
    assert content, told
    for page in PAGES:
        assert (tmp_path / page.with_suffix(".html").name).stat().st_size > 1000
    assert (tmp_path / "diagrams" / "bus.svg").is_file()
    # It can be read without a network.
    for page in tmp_path.glob("*.html"):
        loaded = re.findall(r'<(?:script|link|img)\b[^>]*?(?:src|href)="([^"]*)"',
                            page.read_text(encoding="utf-8"))
        assert not [name for name in loaded if "//" in name], page


@pytest.mark.parametrize(("line", "words"), [
    ("[no page](nowhere.md)", "nowhere.md"), ("[no anchor](link.md#nowhere)", "#nowhere"),
    ("![no picture](figures/nowhere.svg)", "nowhere.svg"), ("[no folder](/docs)", "/docs"),
])
def test_a_broken_link_is_found(tmp_path, line, words):
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    with (tmp_path / "docs" / "index.md").open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    told, content = build(tmp_path, tmp_path / "site")
    assert not content and re.search(f"WARNING.*{re.escape(words)}", told)


def test_links_of_the_readme():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    assert len(links) > 10
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_page_is_listed_in_one_order():
    """README, index and navigation name the same pages in the same order."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Documents")[2]
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8").partition("guide**")[2]
    listed = [re.findall(r"\]\(docs/(\S+\.md)\)", readme.partition("\n## ")[0]),
              re.findall(r"\]\((\S+\.md)\)", index),
              re.findall(r": (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)]
    assert sorted(["index.md", *listed[0]]) == [page.name for page in PAGES]
    assert listed[0] == listed[1] == listed[2]


def missing(text):
    """Files and Python names between backticks in a text that do not exist."""
    for name in re.findall(r"`((?:bep_model|rtl|sim|bep|tests|docs|constraints)/[\w./-]*)`", text):
        if not (ROOT / name).exists():
            yield name
    for name in re.findall(r"`((?:bep_model|rtl|sim)(?:\.\w+)+)\b", text):
        try:
            pkgutil.resolve_name(name)
        except (ImportError, AttributeError):
            yield name
    for name in re.findall(r"`[Cc]onfig\.(\w+)", text):
        if not hasattr(CONFIG, name):
            yield f"Config.{name}"


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.name)
def test_what_a_page_names_is_there(page):
    assert list(missing(page.read_text(encoding="utf-8"))) == []


def test_what_is_not_there_is_found():
    text = ("`rtl/no.py` `rtl/trainer.py` `rtl.trainer.No` `rtl.trainer.Trainer(config)` "
            "`bep_model.no.thing` `Config.no[1]` `config.bases[-1]` `docs/examples`")
    assert list(missing(text)) == ["rtl/no.py", "rtl.trainer.No", "bep_model.no.thing",
                                   "Config.no"]


def snippets(page):
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"),
                      re.DOTALL | re.MULTILINE)


SNIPPETS = [pytest.param(text, id=f"{page.name}-{k}") for page in PAGES
            if page.name not in (*NOT_RUN, *WHOLE) for k, text in enumerate(snippets(page))]


def run(text, capsys):
    """Run Python; it prints the lines that it promises in comments: ``# -> 0.964``."""
    exec(compile(text, "snippet", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert [line for line in re.findall("# -> (.*)", text) if line not in printed] == []


@pytest.mark.parametrize("text", SNIPPETS)
def test_code_runs(text, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run(text, capsys)


@pytest.mark.parametrize("page", WHOLE)
def test_a_page_runs(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", (ROOT / "docs" / page).read_text(encoding="utf-8"),
                        re.DOTALL | re.MULTILINE)
    for language, text in blocks:
        if language == "python":
            run(text, capsys)
        for line in re.findall("^bep (.*)", text, re.MULTILINE):
            told = CliRunner().invoke(cli.app, shlex.split(line))
            assert told.exit_code == 0, told.output
    assert {"python", ""} == {language for language, _ in blocks}


def test_only_code_is_left_out():
    assert all(snippets(ROOT / "docs" / name) for name in NOT_RUN)
