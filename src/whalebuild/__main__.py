"""``python -m whalebuild`` is the console script."""

from whalebuild.cli.entry import main

if __name__ == "__main__":
    main()
