"""`python -m registration` is `registration`."""

import sys

from registration.cli import main

sys.exit(main())
