"""`python -m services.feed <process>`: what there is to run is in `service.py`."""

import sys

from services.feed.service import SERVICE

main = SERVICE.run

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
