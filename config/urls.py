"""Which endpoints a venue may be reached at: encrypted ones, or plain ones on this very host."""

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

__all__ = ["is_loopback", "url_problem"]

_VISIBLE_ASCII: Final = re.compile(r"[!-~]{1,2000}\Z")


def is_loopback(host: str) -> bool:
    """Whether a connection to that host cannot leave this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def url_problem(text: str, schemes: tuple[str, str]) -> tuple[str, str] | None:
    """(problem, remedy), or None. ``schemes`` are the encrypted one and the plain one, allowed on loopback only."""
    secure, plain = schemes
    example = f'write a URL such as "{secure}://host/path"'
    if not _VISIBLE_ASCII.match(text):
        return "holds spaces, control or non-ASCII characters", example
    try:
        url = urlsplit(text)
        host, port = url.hostname, url.port
    except ValueError:
        return "is not a URL", example
    if url.scheme not in schemes:
        return f"does not start with {secure}://", example
    if not host:
        return "names no host", example
    if port == 0:
        return "has port 0", "name the port the venue listens on, or none"
    if "@" in url.netloc:
        return "carries a user name or password", "remove it; secrets are named under credentials"
    if url.query or url.fragment or text[-1] in "?#":
        return "carries a query or fragment", "end it after the path"
    if url.scheme == plain and not is_loopback(host):
        return f"is plain {plain}:// to another host: keys and orders would travel in clear", f"use {secure}://"
    return None
