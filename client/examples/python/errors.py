# SPDX-License-Identifier: Apache-2.0
"""What a program can act on in an error of Carousel."""

from google.rpc import error_details_pb2, status_pb2


def details(error):
    """The messages of google.rpc that a grpc.RpcError carries, by their type."""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            return unpack(status_pb2.Status.FromString(value))
    return {}


def unpack(status):
    """Those of a google.rpc.Status, as streams answer a bad request with."""
    found = {}
    for message_type in (error_details_pb2.BadRequest,
                         error_details_pb2.RetryInfo,
                         error_details_pb2.ResourceInfo):
        for detail in status.details:
            message = message_type()
            if detail.Unpack(message):
                found[message_type.DESCRIPTOR.name] = message
    return found


def describe(error):
    """A line for people."""
    line = f"{error.code().name}: {error.details()}"
    found = details(error)
    if "RetryInfo" in found:
        delay = found["RetryInfo"].retry_delay
        line += f" (try again in {delay.seconds + delay.nanos / 1e9:g} s)"
    if "ResourceInfo" in found:
        resource = found["ResourceInfo"]
        line += f" ({resource.resource_type} {resource.resource_name})"
    for violation in getattr(found.get("BadRequest"), "field_violations", ()):
        line += f" (field {violation.field})"
    return line
