"""`python -m pbrs`."""

from pbrs.cli.main import main

# Guarded: a worker process imports the main module again.
if __name__ == "__main__":
    main()
