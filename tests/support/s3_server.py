"""A real server of S3 in a thread, from `moto`."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

BUCKET = "runs"


@contextmanager
def s3_server() -> Iterator[str]:
    """Within it there is a server with one bucket, and the environment leads to it; gives the URL of the bucket."""
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 - takes a second to load

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patched.setenv(name, "testing")
        patched.setenv("AWS_DEFAULT_REGION", "us-east-1")
        try:
            import s3fs  # noqa: PLC0415 - an extra

            s3fs.S3FileSystem().mkdir(BUCKET)
            yield f"s3://{BUCKET}"
        finally:
            server.stop()
