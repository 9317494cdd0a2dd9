"""`python -m switch.cli`: the same as the `payphone` script."""

from switch.cli.main import main

main()
