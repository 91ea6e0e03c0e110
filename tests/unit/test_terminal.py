"""Text for a terminal."""

import io
import os

import pytest

from cnn_demo.__main__ import main
from cnn_demo.images import sample_photos
from cnn_demo.terminal import complain, say


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Möwe 漢字 😀 at 9.41\u202fAM.jpg", "Möwe 漢字 😀 at 9.41\u202fAM.jpg"),
        ("two\nlines\r\x1b[31m\x9b.jpg", r"two\nlines\r\x1b[31m\x9b.jpg"),
        ("abc\u202egnp.exe", r"abc\u202egnp.exe"),
        ("na\udcefve \udcff.jpg", r"na\udcefve \udcff.jpg"),
    ],
)
def test_names_cannot_control_a_terminal(text, written, capsys):
    say(text)
    complain(text)
    assert capsys.readouterr() == (written + "\n", written + "\n")


def test_characters_that_the_terminal_lacks_are_escaped(monkeypatch):
    output = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", output)
    say("Möwe")
    assert output.buffer.getvalue() == b"M\\xf6we\n"


@pytest.mark.parametrize("arguments", [("classify", "a.jpg", "--no\x1b[31m"), ("detect", "a.jpg", "--iou", "\x1b[31m")])
def test_arguments_are_quoted_visibly(arguments, capsys):
    with pytest.raises(SystemExit):
        main(list(arguments))
    assert "\x1b" not in capsys.readouterr().err


@pytest.mark.parametrize("name", [b"new\nline\x1b[31m.jpg", b"na\xefve \xff.jpg"])
def test_a_photo_of_any_name_is_predicted(name, tmp_path, capsys):
    path = tmp_path / os.fsdecode(name)
    path.write_bytes(sample_photos()[0].path.read_bytes())
    broken = tmp_path / ("broken " + path.name)
    broken.touch()
    assert main(["localize", str(path), str(broken)]) == 1
    assert main(["localize", str(path), "--json"]) == 0
    out, err = capsys.readouterr()
    assert all(text.isprintable() for text in [*out.splitlines(), *err.splitlines()])
    assert len(out.splitlines()) == 3
    assert len(err.splitlines()) == 1
