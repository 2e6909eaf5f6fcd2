"""`python -m vetika_cli`."""

import sys

from vetika_cli.main import main

sys.exit(main())
