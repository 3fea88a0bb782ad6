"""`python -m pbrs`."""

from pbrs.cli.main import main

main()
