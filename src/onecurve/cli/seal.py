"""`onecurve seal`: publish a planted network with its truth locked."""

from pathlib import Path

import click

MEBIBYTE = 2**20


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="New folder that may be given to anyone.")
@click.option("--key", type=click.Path(path_type=Path), required=True, help="Key file, made if it is not there. Keep it.")
@click.option(
    "--pad",
    type=click.IntRange(1, 1024),
    default=16,
    show_default=True,
    metavar="MIB",
    help="Pad the truth to this length, so that it tells nothing; doubled until it fits.",
)
def seal(folder: Path, out: Path, key: Path, pad: int) -> None:
    """Seal FOLDER, which `onecurve plant` wrote, and print the commitment to its truth.

    OUT gets the subject, the encrypted truth and the commitment. Whoever has the key can open it with `onecurve unseal`
    (extra: seal).
    """
    from onecurve.flaws.planting import sealing  # noqa: PLC0415 - late, so that --help is quick

    click.echo(sealing.seal(folder, out, key, least=pad * MEBIBYTE))
