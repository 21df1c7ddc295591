"""What the scrubbing tests hide and look for: secrets, the notations they come in, and the places of an event.

Every secret is made up, and put together at run time so that no scanner of this repository takes it for a real one.
"""

from base64 import b64encode
from collections.abc import Callable
from typing import Any

_HEX = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
_MIXED = "Zq7Xw2Lm9Rt4Vb8Nc3Kd6Ph1Jf5Gs0TyUeAi"
_SEGMENT = b64encode(b'{"alg":"HS256","typ":"JWT"}').decode().rstrip("=")

TOKENS: dict[str, str] = {
    "aws key id": "AK" + "IA" + "IOSFODNN7EXAMPLE"[:16],
    "aws temporary key id": "AS" + "IA" + "Q3EGRKZ7W5T2LM9P",
    "github classic": "gh" + "p_" + _MIXED[:36],
    "github oauth": "gh" + "o_" + _MIXED[:36],
    "github app": "gh" + "s_" + _MIXED[:36],
    "github refresh": "gh" + "r_" + _MIXED[:36],
    "github fine-grained": "github" + "_pat_" + "11ABCDEFG0" + _MIXED + "_" + _MIXED,
    "gitlab": "gl" + "pat-" + _MIXED[:20],
    "gitlab deploy": "gl" + "dt-" + _MIXED[:20],
    "slack bot": "xo" + "xb-" + "123456789012-123456789012-" + _MIXED[:24],
    "slack user": "xo" + "xp-" + "123456789012-" + _MIXED[:24],
    "slack app": "xa" + "pp-1-A0123-456-" + _MIXED[:32],
    "slack hook": "hooks.slack" + ".com/services/" + "T00AA11BB/B00CC22DD/" + _MIXED[:24],
    "openai": "s" + "k-" + _MIXED + _MIXED[:12],
    "openai project": "s" + "k-proj-" + _MIXED + "_" + _MIXED[:12],
    "anthropic": "s" + "k-ant-api03-" + _MIXED + "-" + _MIXED,
    "stripe live": "sk" + "_live_" + _MIXED[:24],
    "stripe test": "sk" + "_test_" + _MIXED[:24],
    "stripe restricted": "rk" + "_live_" + _MIXED[:24],
    "stripe webhook": "wh" + "sec_" + _MIXED[:32],
    "google api": "AI" + "za" + _MIXED[:35],
    "google oauth": "ya" + "29." + _MIXED,
    "google client": "GOC" + "SPX-" + _MIXED[:28],
    "npm": "np" + "m_" + _MIXED[:36],
    "pypi": "py" + "pi-AgEIcHlwaS5vcmc" + _MIXED + _MIXED,
    "rubygems": "ruby" + "gems_" + _HEX + _HEX[:16],
    "docker": "dckr" + "_pat_" + _MIXED[:27],
    "sendgrid": "S" + "G." + _MIXED[:22] + "." + _MIXED + "abcdefg",
    "digitalocean": "do" + "p_v1_" + _HEX + _HEX,
    "shopify": "sh" + "pat_" + _HEX,
    "hugging face": "h" + "f_" + _MIXED[:34],
    "databricks": "da" + "pi" + _HEX,
    "vault": "hv" + "s." + _MIXED[:24],
    "sentry": "sn" + "trys_" + _MIXED + _MIXED,
    "telegram": "123456789" + ":AA" + _MIXED[:33],
    "linear": "lin" + "_api_" + _MIXED[:36],
    "atlassian": "ATAT" + "T3xFfGF0" + _MIXED + "=1A2B3C4D",
    "grafana": "gl" + "sa_" + _MIXED[:32] + "_1a2b3c4d",
    "mailgun": "ke" + "y-" + _HEX,
    "mailchimp": _HEX + "-us" + "12",
    "twilio": "S" + "K" + _HEX,
    "facebook": "EA" + "A" + _MIXED + _MIXED,
    "jwt": "ey" + _SEGMENT[2:] + ".eyJzdWIiOiI0MiIsIm5hbWUiOiJBbm4ifQ." + _MIXED[:30],
    "jwt unsigned": "ey" + _SEGMENT[2:] + ".eyJzdWIiOiI0MiIsIm5hbWUiOiJBbm4ifQ.",
    "visa": "4111" + "111111111111",
    "visa spaced": "4111" + " 1111 1111 1111",
    "visa dashed": "4012" + "-8888-8888-1881",
    "mastercard": "5555" + "555555554444",
    "mastercard 2": "2223" + "003122003222",
    "amex": "3782" + "82246310005",
    "amex spaced": "3782" + " 822463 10005",
    "discover": "6011" + "111111111117",
    "diners": "3056" + "9309025904",
    "jcb": "3530" + "111333300000",
    "rsa key": "-----BEGIN RSA "
    + "PRIVATE KEY-----\n"
    + _MIXED
    + _MIXED
    + "\n"
    + _MIXED
    + "==\n-----END RSA PRIVATE KEY-----",
    "ssh key": "-----BEGIN OPENSSH " + "PRIVATE KEY-----\n" + _MIXED + _MIXED + "\n-----END OPENSSH PRIVATE KEY-----",
    "key in one line": "-----BEGIN " + "PRIVATE KEY-----\\n" + _MIXED + _MIXED + "\\n-----END PRIVATE KEY-----\\n",
    "pgp key": "-----BEGIN PGP " + "PRIVATE KEY BLOCK-----\n\n" + _MIXED + "\n-----END PGP PRIVATE KEY BLOCK-----",
    "postgres url": "postgres://shop:" + "s3cr3t-Pa55" + "@db.internal:5432/shop",
    "redis url": "redis://:" + "s3cr3t-Pa55" + "@cache:6379/0",
    "mongo url": "mongodb+srv://app:" + "p@ss%40w0rd" + "@cluster0.example.net/?retryWrites=true",
    "amqp url": "amqp://guest:" + "gu3st!" + "@rabbit//",
    "https url": "https://deploy:" + "hunter2x" + "@git.example.com/shop.git",
    "oracle": "jdbc:oracle:thin:scott/" + "t1ger" + "@//db:1521/orcl",
    "azure storage": "DefaultEndpointsProtocol=https;AccountName=shop;" + "AccountKey=" + _MIXED + _MIXED + "==;",
}
"""Secrets that are known by their own look."""

INNER = {
    "postgres url": "s3cr3t-Pa55",
    "redis url": "s3cr3t-Pa55",
    "mongo url": "p@ss%40w0rd",
    "amqp url": "gu3st!",
    "https url": "hunter2x",
    "oracle": "t1ger",
    "slack hook": _MIXED[:24],
    "azure storage": _MIXED,
    "rsa key": _MIXED,
    "ssh key": _MIXED,
    "key in one line": _MIXED,
    "pgp key": _MIXED,
}
"""What must not be left of a token, where the rest of it may stay."""

PASSWORDS = ("hunter2", "correct-horse-9", "S3cr3t!Pa55", _HEX, _MIXED[:24])

NOTATIONS: dict[str, str] = {
    "assignment": "login failed password=%s for bob",
    "spaced assignment": "db_password = %s",
    "single quotes": "connect(user='bob', password='%s')",
    "double quotes": 'connect(user="bob", password="%s")',
    "python dict": "{'user': 'bob', 'api_key': '%s'}",
    "json": '{"user":"bob","client_secret":"%s","n":1}',
    "json in json": '{\\"user\\": \\"bob\\", \\"password\\": \\"%s\\"}',
    "json in json in json": '{\\\\\\"password\\\\\\": \\\\\\"%s\\\\\\"}',
    "bytes repr": "{b'password': b'%s'}",
    "tuple repr": "[('host', 'x'), ('x-api-key', '%s')]",
    "asgi headers": "[(b'host', b'shop'), (b'authorization', b'Token %s')]",
    "dataclass repr": "Config(host='x', secret_key='%s', debug=False)",
    "query": "GET https://api.example.com/v1/items?page=2&access_token=%s&x=1",
    "query without url": "a=1&token=%s&b=2",
    "fragment": "https://app.example.com/cb#access_token=%s&state=x",
    "encoded query": "next=%%2Fcb%%3Ftoken%%3D%s",
    "php parameter": "user[name]=bob&user[password]=%s",
    "bearer header": "Authorization: Bearer %s0123456789",
    "basic header": "authorization: Basic %sZm9vOmJhcg==",
    "bearer alone": "sent Bearer %s0123456789 and was refused",
    "digest header": 'Authorization: Digest username="bob", response="%s"',
    "api key header": "X-Api-Key: %s",
    "curl header": "curl -H 'X-Auth-Token: %s' https://example.com",
    "curl user": "curl -u admin:%s https://example.com",
    "cookie header": "Cookie: theme=dark; sessionid=%s",
    "set-cookie header": "Set-Cookie: sid=%s; Path=/; HttpOnly",
    "cookie in headers": "GET / HTTP/1.1\r\nHost: x\r\nCookie: sid=%s\r\n\r\n",
    "env file": "DEBUG=1\nDB_PASSWORD=%s\nPORT=80",
    "export": "export AWS_SECRET_ACCESS_KEY=%s",
    "yaml": "user: bob\npassword: %s\nhost: x",
    "ini": "[db]\npasswd = %s\nuser = bob",
    "xml": "<login><user>bob</user><password>%s</password></login>",
    "connection string": "Server=db;Database=shop;User Id=sa;Password=%s;Encrypt=true",
    "libpq": "host=db user=shop password=%s dbname=shop",
    "command line": "mysql --host db --password %s shop",
    "command line with equals": "deploy --token=%s --env prod",
    "camel case": '{"accessToken": "%s"}',
    "ruby hash": '{:user=>"bob", :password=>"%s"}',
    "subscript": "config['secret'] = '%s'",
    "cut off": "{'user': 'bob', 'password': '%s",
    "after a line end in a repr": "'POST /login\\npassword=%s\\n'",
    "prose": "the password is %s9 and it does not work",
    "quoted prose": "wrong password '%s' for bob",
}
"""Notations in which a name says that a secret follows."""


def _frame(**fields: Any) -> dict[str, Any]:
    frame = {"filename": "shop/pay.py", "function": "charge", "module": "shop.pay", "lineno": 8, "in_app": True}
    return {"exception": {"values": [{"type": "E", "value": "v", "stacktrace": {"frames": [{**frame, **fields}]}}]}}


PLACES: dict[str, Callable[[str], Any]] = {
    "message": lambda text: {"message": text},
    "logentry": lambda text: {"logentry": {"message": "x %s", "formatted": text, "params": [text]}},
    "exception value": lambda text: {"exception": {"values": [{"type": "ValueError", "value": text}]}},
    "frame variable": lambda text: _frame(vars={"row": repr(text) if "\\" not in text and "'" not in text else text}),
    "nested frame variable": lambda text: _frame(vars={"rows": [{"a": [text]}]}),
    "request url": lambda text: {"request": {"url": text}},
    "request data": lambda text: {"request": {"data": text}},
    "query string": lambda text: {"request": {"query_string": text}},
    "query pairs": lambda text: {"request": {"query_string": [["q", text]]}},
    "header": lambda text: {"request": {"headers": {"X-Note": text}}},
    "header pairs": lambda text: {"request": {"headers": [["X-Note", text], ["Accept", "*/*"]]}},
    "breadcrumb message": lambda text: {"breadcrumbs": {"values": [{"category": "log", "message": text}]}},
    "breadcrumb url": lambda text: {"breadcrumbs": [{"category": "httplib", "data": {"url": text}}]},
    "extra": lambda text: {"extra": {"deep": {"deeper": ["x", {"deepest": text}]}}},
    "tag": lambda text: {"tags": {"note": text}},
    "tag pair": lambda text: {"tags": [["note", text]]},
    "log body": lambda text: {"items": [{"body": text, "level": "info", "attributes": {"a": {"value": text}}}]},
    "root list": lambda text: [text],
    "bare text": lambda text: text,
    "dict key": lambda text: {"extra": {text: 1}},
}
"""Where a text can stand."""
