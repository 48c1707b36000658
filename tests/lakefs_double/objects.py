"""The bytes behind lakeFS: a bucket of moto's S3, spoken with over HTTP."""

from __future__ import annotations

from hashlib import md5
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import boto3
from moto.server import ThreadedMotoServer


class Objects:
    """A bucket; addresses are ``s3://bucket/key``."""

    def __init__(self) -> None:
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self._s3: Any = boto3.client(
            "s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1",
            aws_access_key_id="double", aws_secret_access_key="double",
        )  # fmt: skip
        self._s3.create_bucket(Bucket="lake")

    def close(self) -> None:
        self._s3.close()
        self._server.stop()

    def address(self, namespace: str) -> str:
        """A place that nothing lies at."""
        return f"{namespace.rstrip('/')}/data/{uuid4().hex}"

    def put(self, address: str, data: bytes) -> str:
        """Keep bytes; their checksum."""
        self._s3.put_object(**_named(address), Body=data)
        return md5(data).hexdigest()

    def get(self, address: str) -> bytes:
        data: bytes = self._s3.get_object(**_named(address))["Body"].read()
        return data

    def signed(self, address: str, verb: str) -> str:
        """An URL that needs no credentials; verb is get_object or put_object."""
        url: str = self._s3.generate_presigned_url(verb, Params=_named(address), ExpiresIn=600)
        return url


def _named(address: str) -> dict[str, str]:
    parts = urlsplit(address)
    return {"Bucket": parts.netloc, "Key": parts.path.lstrip("/")}
