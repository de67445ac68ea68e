"""`onecurve unseal`: open a sealed network with its key."""

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--key", type=click.Path(path_type=Path), required=True, help="The key file it was sealed with.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="New folder for the subject and its ground truth.")
def unseal(folder: Path, key: Path, out: Path) -> None:
    """Check FOLDER, which `onecurve seal` wrote, open its ground truth, and print the verified commitment (extra: seal)."""
    from onecurve.flaws.planting.sealing import open_sealed  # noqa: PLC0415 - late, so that --help is quick

    click.echo(open_sealed(folder, key, out))
