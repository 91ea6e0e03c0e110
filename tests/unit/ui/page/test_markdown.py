"""Escaping of text from outside: the escape, and that nothing is shown without it."""

import re
from pathlib import Path

import pytest
from outside_text import Analysis

from cnn_demo.ui.page.markdown import plain

ESCAPED = {
    "my_cat.jpg": r"my\_cat.jpg",
    "photo (1) - 80%, it's 5 > 3!.png": "photo (1) - 80%, it's 5 > 3!.png",
    "Möwe 漢字 😀.png": "Möwe 漢字 😀.png",
    "![x](https://evil.example/x.png)": r"!\[x\](https\::color[]//evil.example/x.png)",
    "www.evil.example": "www:color[].evil.example",
    "seen on WWW.evil.example": "seen on WWW:color[].evil.example",
    "a.b+c@evil.example": "a.b+c:color[]@evil.example",
    "<a@evil.example>": r"\<a:color[]@evil.example>",
    "<img src=x onerror=alert(1)>": r"\<img src=x onerror=alert(1)>",
    "&lt;b&gt; & &#60;": r"\&lt;b\&gt; & \&#60;",
    ":smile:": r"\::color[]smile\:",
    ":+1:": r"\::color[]+1\:",
    ":material/home:": r"\::color[]material/home\:",
    ":streamlit:": r"\::color[]streamlit\:",
    ":red[x]": r"\::color[]red\[x\]",
    ":blue-badge[x]{y}": r"\::color[]blue-badge\[x\]\{y\}",
    ":::box": r"\::color[]\::color[]\::color[]box",
    "$x^2$": r"\$x^2\$",
    r"\(x\)": r"\\(x\\)",
    "a -> b <- c -- d": r"a -:color[]> b \<:color[]- c -:color[]- d",
    "-->": r"\-:color[]-:color[]>",
    "**a** __b__ ~c~ `d`": r"\*\*a\*\* \_\_b\_\_ \~c\~ \`d\`",
    "[^1]: |a|b|": r"\[^1\]: \|a\|b\|",
    "# a": r"\# a",
    "- a": r"\- a",
    "12. a": r"12\. a",
    "1) a": r"1\) a",
    "1.5 a": "1.5 a",
    "===": r"\=:color[]=:color[]=",
    "a\nb\t c": "a b c",
    "abc\u202egnp.exe \u2066\ufeff\u200bx\x1b[31m": r"abcgnp.exe x\[31m",
    "\udcff": "",
}


@pytest.mark.parametrize("text", ESCAPED)
def test_no_character_acts_as_markdown(text):
    assert plain(text) == ESCAPED[text]


ROOT = Path(__file__).resolve().parents[4]
FILES = [ROOT / "app.py", *sorted((ROOT / "pages").glob("*.py")), *sorted((ROOT / "cnn_demo" / "ui").rglob("*.py"))]
MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in FILES}


def test_nothing_from_outside_is_shown_without_an_escape():
    """Use `plain` on the texts listed; objects whose names are texts of the app go to `OWN` of outside_text.py."""
    assert Analysis(MODULES).findings() == []


def test_the_search_sees_every_text_that_is_escaped():
    seen = "\n".join(Analysis(MODULES, escapes=frozenset({"escape"})).findings())
    using = {
        str(path)
        for path in FILES
        if "\nfrom cnn_demo.ui.page.markdown import plain" in path.read_text(encoding="utf-8")
    }
    assert len(using) > 20
    assert {path for path in using if path not in seen} == set()


LEAKS = {
    "an error": "try:\n  f()\nexcept ValueError as error:\n  st.error(str(error))",
    "an error in a sentence": "try:\n  f()\nexcept ValueError as error:\n  say = f'No: {error}'\n  st.info('**' + say)",
    "a file's name": "st.caption(f'**{photo.name}**')",
    "a label of a button": "st.button(f'Remove {each.name}', key='x')",
    "a help": "st.slider('Side', 1, 2, help=upload.name)",
    "names in a list": "st.markdown(', '.join(name for name in head.labels))",
    "through a function": "def say(words):\n  st.markdown(words)\nsay(photo.name)",
    "through a result": "def words():\n  return 1, photo.name\nnumber, text = words()\nst.toast(text)",
    "through the session": "st.session_state['x'] = each.name\nif x := st.session_state.get('x'):\n  st.info(x)",
    "through a link": "st.header(st.query_params.get('stack'))",
    "through a field": "st.write(st.text_input('Name'))",
    "in options": "st.pills('Class', [label for label in photos.labels])",
    "a tab": "st.tabs([each.name for each in files])",
    "an option": "st.radio('Class', options=head.labels)",
    "a help of a column": "st.column_config.ProgressColumn('Share', help=photo.name)",
    "a help of a file": "st.download_button('File', data, help=f'Of {photo.name}')",
    "HTML": "st.html(f'<p>{photo.name}</p>')",
    "a title of a window": "st.set_page_config(page_title=photo.name)",
    "an axis of a chart": "go.Bar(x=photos.labels, y=counts)",
    "in a chart": "figure.update_layout(title=photo.name)",
}


@pytest.mark.parametrize("leak", LEAKS)
def test_the_search_sees(leak, tmp_path):
    file = tmp_path / "page.py"
    file.write_text(LEAKS[leak], encoding="utf-8")
    assert len(Analysis({"page": file}).findings()) == 1


def test_scripts_of_components_write_no_markup_but_their_own():
    scripts = (ROOT / "cnn_demo" / "ui" / "components").glob("*.js")
    counts = {path.name: len(re.findall("innerHTML|outerHTML|insertAdj", path.read_text())) for path in scripts}
    counts = {name: count for name, count in counts.items() if count}
    assert counts == {"box_pair.js": 2, "diagram.js": 1}  # names of measures, and a drawing made of numbers
