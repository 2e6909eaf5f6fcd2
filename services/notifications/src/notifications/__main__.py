"""`python -m notifications`."""

import sys

from notifications.cli import main

sys.exit(main())
