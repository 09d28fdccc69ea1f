"""Commands as the bytes that Redis reads (RESP, https://redis.io/docs/latest/develop/reference/protocol-spec/)."""


def pack(*arguments: bytes | str | int) -> bytes:
    """A whole command."""
    return b"*%d\r\n%b" % (len(arguments), b"".join([pack_one(argument) for argument in arguments]))


def pack_one(argument: bytes | str | int) -> bytes:
    """One of its arguments."""
    data = argument if isinstance(argument, bytes) else str(argument).encode()
    return b"$%d\r\n%b\r\n" % (len(data), data)
