"""File names of exports."""

import pytest

from cnn_demo.exports.names import safe_name, safe_stem


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("IMG_0001.jpg", "IMG_0001"),
        ("Möwe 漢字 😀 (1).png", "Möwe 漢字 😀 (1)"),
        ("../../etc/passwd", "passwd"),
        (r"..\..\boot.ini", "_.._boot"),
        ('a:b*c?"d"<e>|f.png', "a_b_c__d__e__f"),
        ("a\nb\x1b[31m\u202egnp.exe", "a_b_[31m_gnp"),
        ("na\udcefve.jpg", "na_ve"),
        ("con.png", "_con"),
        ("LPT1.tar.gz", "_LPT1.tar"),
        ("console.png", "console"),
        (" . .jpg", "photo"),
        ("", "photo"),
    ],
)
def test_a_stem_is_a_file_name_on_every_system(name, safe):
    assert safe_stem(name) == safe


def test_a_class_without_a_usable_name_is_an_object():
    assert safe_name("...") == "object"
