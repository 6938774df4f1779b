"""`python -m sitectl`: the command, where it is not on the PATH."""

from sitectl.entry import main

main()
