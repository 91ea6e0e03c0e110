"""The same from a shell: `python -m cnn_demo classify|localize|detect|segment PHOTO...`."""

import sys

from cnn_demo.command_line import main

if __name__ == "__main__":
    sys.exit(main())
