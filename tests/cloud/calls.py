"""What a request to AWS asks for, in the words of IAM: an action, a resource, and what conditions look at."""

import re
from dataclasses import dataclass
from html import unescape
from urllib.parse import parse_qs, unquote, urlsplit

CREDENTIAL = re.compile(r"Credential=([^/]+)/[^/]+/[^/]+/([^/]+)/aws4_request")

# What S3 asks IAM for, by method. A `?` with anything else behind it than these calls have is an unknown action.
OBJECT_ACTIONS = {"GET": "s3:GetObject", "HEAD": "s3:GetObject", "PUT": "s3:PutObject", "DELETE": "s3:DeleteObject"}
HARMLESS_PARAMETERS = {"x-id"}


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def access_key(self) -> str:
        """As whom it was signed; empty if it was not."""
        return self._credential[0]

    @property
    def service(self) -> str:
        return self._credential[1]

    @property
    def path(self) -> str:
        return unquote(urlsplit(self.target).path)

    @property
    def parameters(self) -> dict[str, str]:
        query = parse_qs(urlsplit(self.target).query, keep_blank_values=True)
        return {name: values[0] for name, values in query.items()}

    @property
    def _credential(self) -> tuple[str, str]:
        found = CREDENTIAL.search(self.headers.get("authorization", ""))
        return (found[1], found[2]) if found else ("", "")


@dataclass(frozen=True)
class Call:
    """One kind of call; two that IAM cannot tell apart are equal."""

    function: str
    action: str
    # The ARN. For a list it goes on with `?prefix=` and what is listed, which its condition looks at.
    resource: str
    if_none_match: bool = False

    def __str__(self) -> str:
        return f"{self.function} calls {self.action} on {self.resource}" + (
            " with If-None-Match" if self.if_none_match else ""
        )


def calls_of(request: Request, function: str) -> list[Call]:
    """All that IAM looks at: of a copy also what is read, of a list of deletions each."""
    call = call_of(request, function)
    if source := request.headers.get("x-amz-copy-source"):
        return [call, Call(function, "s3:GetObject", f"arn:aws:s3:::{unquote(source).lstrip('/')}")]
    if request.service == "s3" and request.method == "POST" and "delete" in request.parameters:
        bucket = request.path.strip("/")
        keys = re.findall(r"<Key>(.*?)</Key>", request.body.decode())
        return [Call(function, "s3:DeleteObject", f"arn:aws:s3:::{bucket}/{unescape(key)}") for key in keys]
    return [call]


def call_of(request: Request, function: str) -> Call:
    """What the function asked for. An action that is not known here has a name that no policy grants."""
    if request.service == "s3":
        return s3_call(request, function)
    target = request.headers.get("x-amz-target", "")
    return Call(function, f"{request.service}:{target.rpartition('.')[2] or request.method}", "*")


def s3_call(request: Request, function: str) -> Call:
    bucket, _, key = request.path.lstrip("/").partition("/")
    parameters = {name: value for name, value in request.parameters.items() if name not in HARMLESS_PARAMETERS}
    if not key and request.method == "GET" and parameters.get("list-type") == "2":
        return Call(function, "s3:ListBucket", f"arn:aws:s3:::{bucket}?prefix={parameters.get('prefix', '')}")
    if key and not parameters and request.method in OBJECT_ACTIONS:
        resource = f"arn:aws:s3:::{bucket}/{key}"
        return Call(function, OBJECT_ACTIONS[request.method], resource, "if-none-match" in request.headers)
    return Call(function, f"s3:{request.method} with {sorted(parameters)}", f"arn:aws:s3:::{bucket}/{key}")
