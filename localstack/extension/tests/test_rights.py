"""The condition keys that LocalEmu lacks."""

import pytest

from local_cloud.rights import of_s3


@pytest.mark.parametrize(
    ("operation", "headers", "parameters", "expect"),
    [
        ("PutObject", {"If-None-Match": "*"}, {}, {"s3:ObjectCreationOperation": "true", "s3:if-none-match": "*"}),
        ("PutObject", {}, {}, {"s3:ObjectCreationOperation": "true"}),
        ("UploadPart", {}, {}, {"s3:ObjectCreationOperation": "false"}),
        ("ListObjectsV2", {}, {"prefix": "raw/"}, {"s3:ObjectCreationOperation": "false", "s3:prefix": "raw/"}),
        # Whoever lists everything asks for the empty prefix; whoever gets an object asks for none.
        ("ListObjectsV2", {}, {"prefix": ""}, {"s3:ObjectCreationOperation": "false", "s3:prefix": ""}),
        ("GetObject", {}, {}, {"s3:ObjectCreationOperation": "false"}),
    ],
)
def test_a_request_has_its_keys(
    operation: str, headers: dict[str, str], parameters: dict[str, str], expect: dict[str, str]
) -> None:
    assert of_s3(operation, headers, parameters) == {"aws:SecureTransport": "true", **expect}
