"""`python -m onecurve` is `onecurve`."""

from onecurve.cli.main import main

if __name__ == "__main__":
    main()
