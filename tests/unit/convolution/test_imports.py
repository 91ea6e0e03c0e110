import re
import subprocess
import sys
from pathlib import Path

import cnn_demo.convolution as convolution

ABSENT = ("streamlit", "torch", "tensorflow", "keras", "scipy", "matplotlib", "pandas", "PIL", "ultralytics")


def test_the_core_is_free_of_frameworks():
    program = f"import sys, cnn_demo.convolution; print([name for name in {ABSENT!r} if name in sys.modules])"
    root = Path(convolution.__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_imports_only_numpy_opencv_and_the_standard_library():
    allowed = {"cv2", "numpy", "cnn_demo", *sys.stdlib_module_names}
    for path in Path(convolution.__file__).parent.glob("*.py"):
        imported = re.findall(r"^\s*(?:from|import) (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert set(imported) <= allowed, path.name


def test_everything_public_is_exported():
    assert convolution.__all__ == sorted(
        convolution.__all__, key=lambda name: (name[0].islower(), not name.isupper(), name)
    )
    assert all(hasattr(convolution, name) for name in convolution.__all__)
    public = {name for name, value in vars(convolution).items() if not name.startswith("_") and callable(value)}
    assert public <= set(convolution.__all__)
