"""Escaping of text from outside."""

import pytest

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
