"""The command line."""

import click


@click.group()
def main() -> None:
    """Grade every interpretability tool on one curve."""
