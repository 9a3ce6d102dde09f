"""Makes a service of moto's: each operation of the API's model goes to moto, unless a handler of ours answers."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from local_cloud import emulator

LOG = logging.getLogger(__name__)

# The request's context, and its parameters; out comes the answer.
Handler = Callable[[Any, dict[str, Any]], Any]

_api = emulator.module("aws.api")
_moto = emulator.module("services.moto")


def service(name: str, handlers: Mapping[str, Handler]) -> Any:
    model = emulator.module("aws.spec").load_service(name)
    operations = {
        operation: _guarded(f"{name}.{operation}", handlers.get(operation, call_moto))
        for operation in model.operation_names
    }
    skeleton = emulator.module("aws.skeleton").Skeleton(model, operations)
    return emulator.module("services.plugins").Service(name=name, skeleton=skeleton)


def call_moto(context: Any, request: dict[str, Any]) -> Any:
    """moto's answer to the request as it came; `request` is what our handlers get, and moto reads the context's."""
    return _moto.call_moto(context)


def call_moto_with(context: Any, request: dict[str, Any]) -> Any:
    """moto's answer to another request."""
    return _moto.call_moto_with_request(context, request)


def failure(code: str, message: str, status: int = 400) -> Exception:
    """An error as the API of a service answers it."""
    error: Exception = _api.CommonServiceException(code, message, status_code=status, sender_fault=True)
    return error


def _guarded(operation: str, handler: Handler) -> Handler:
    def call(context: Any, request: dict[str, Any]) -> Any:
        try:
            return handler(context, request)
        except (_api.ServiceException, NotImplementedError):
            raise
        except Exception as error:
            # As 400: clients try a 500 again for minutes, Terraform 25 times.
            LOG.warning("%s", operation, exc_info=True)
            raise failure("ValidationException", f"{type(error).__name__}: {error}") from error

    return call
