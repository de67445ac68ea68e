"""`onecurve seal`: publish a planted network with its ground truth encrypted."""

from pathlib import Path

import click

MEBIBYTE = 2**20


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="New folder that can be published.")
@click.option("--key", type=click.Path(path_type=Path), required=True, help="Key file; created if it does not exist. Keep it.")
@click.option(
    "--pad",
    type=click.IntRange(1, 1024),
    default=16,
    show_default=True,
    metavar="MIB",
    help="Pad the ground truth to this length, so that its size reveals nothing; doubled until it fits.",
)
def seal(folder: Path, out: Path, key: Path, pad: int) -> None:
    """Seal FOLDER, which `onecurve plant` wrote, and print the commitment to its ground truth.

    Writes the subject, the encrypted ground truth and the commitment to OUT. Anyone with the key can open it with
    `onecurve unseal` (extra: seal).
    """
    from onecurve.flaws.planting import sealing  # noqa: PLC0415 - late, so that --help is quick

    click.echo(sealing.seal(folder, out, key, least=pad * MEBIBYTE))
