"""`python -m hiervae`."""

import sys

from hiervae.cli import main

if __name__ == "__main__":
    sys.exit(main())
