"""The request of an `http` run, as far as it needs no network."""

import pytest

from idlegrid_node.fetch import (
    Refused,
    Request,
    Response,
    addresses,
    complaint,
    is_public,
    redirected,
    request_of,
    split,
    target_of,
)

NEAR = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.8.8.8",
    "169.254.169.254",
    "172.16.0.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.1.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd12::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "2002:7f00:1::1",
    "2002:a00:1::1",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "2001:db8::1",
    "2001:0:1::1",
]
FAR = ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]


@pytest.mark.parametrize("address", NEAR)
def test_an_address_that_is_not_the_internets_is_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", FAR)
def test_an_address_of_the_internet_is_public(address):
    assert is_public(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.1", "0x7f000001"])
def test_what_a_host_resolves_to_is_judged_and_not_its_name(host):
    with pytest.raises(Refused, match="no public address"):
        addresses(host, 80, "public")
    assert addresses(host, 80, "any")


def test_without_more_it_is_a_get():
    assert request_of({"url": "http://x/"}) == Request("http://x/", "GET", {}, None)
    assert request_of({"url": "http://x/", "request": None}).method == "GET"


@pytest.mark.parametrize(
    ("body", "sent", "kind"),
    [
        ("a=ü", "a=ü".encode(), "text/plain; charset=utf-8"),
        ({"a": 1}, b'{"a": 1}', "application/json"),
        ([1], b"[1]", "application/json"),
        (0, b"0", "application/json"),
        (False, b"false", "application/json"),
    ],
)
def test_a_body_has_a_type_unless_another_is_given(body, sent, kind):
    request = request_of({"url": "u", "request": {"body": body}})
    assert (request.method, request.body, request.headers) == ("POST", sent, {"Content-Type": kind})
    given = request_of({"url": "u", "request": {"method": "put", "headers": {"CONTENT-TYPE": "x"}, "body": body}})
    assert (given.method, given.headers) == ("PUT", {"CONTENT-TYPE": "x"})


@pytest.mark.parametrize("url", ["", "x", "ftp://x/", "file:///etc/passwd", "http://", "http://x:99999/", "http://[x/"])
def test_what_is_no_http_address_is_refused(url):
    with pytest.raises(Refused, match="is no address of the form"):
        split(url)


def test_a_path_is_quoted_where_that_was_forgotten_and_left_alone_where_not():
    assert target_of(split("http://x/a b/ü?q=1 2&r=%20#part")) == "/a%20b/%C3%BC?q=1%202&r=%20"
    assert target_of(split("http://x")) == "/"


@pytest.mark.parametrize(
    ("status", "method", "then"),
    [(301, "POST", "GET"), (302, "POST", "GET"), (302, "PUT", "PUT"), (303, "PUT", "GET"), (303, "HEAD", "HEAD"),
     (307, "POST", "POST"), (308, "POST", "POST")],
)  # fmt: skip
def test_a_redirect_keeps_method_and_body_as_browsers_do(status, method, then):
    body = None if method == "HEAD" else b"x"
    next_ = redirected(Request("http://x/a", method, {"Content-Type": "t", "X": "1"}, body), status, "b")
    assert (next_.url, next_.method) == ("http://x/b", then)
    assert next_.body == (body if then == method else None)
    assert ("Content-Type" in next_.headers, next_.headers["X"]) == (then == method, "1")


@pytest.mark.parametrize(("location", "told"), [("/b", True), ("https://x/b", False), ("http://y/", False)])
def test_secrets_go_to_no_other_host(location, told):
    request = Request("http://x/a", headers={"authorization": "s", "Cookie": "c", "X": "1"})
    assert set(redirected(request, 302, location).headers) == ({"authorization", "Cookie", "X"} if told else {"X"})


def test_a_redirect_elsewhere_than_to_http_is_refused():
    with pytest.raises(Refused):
        redirected(Request("http://x/a"), 302, "file:///etc/passwd")


def test_only_a_refusal_is_a_complaint():
    assert complaint(Response(204, "No Content", b"")) == ""
    assert complaint(Response(304, "Not Modified", b"x")) == ""
    assert complaint(Response(500, "", b"")) == "HTTP 500"
    assert complaint(Response(404, "Not Found", b" why \n")) == "HTTP 404 Not Found\nwhy"
