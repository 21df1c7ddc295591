"""A small shop, instrumented with the real sentry-sdk as any WSGI application is; it knows nothing of Premortem."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import sentry_sdk

StartResponse = Callable[[str, list[tuple[str, str]]], Any]

PRICES = {"mug": 12, "shirt": 25, "poster": 9}


class PaymentDeclinedError(Exception):
    """The bank said no."""


class Bank:
    """What the shop pays with; since version 1.1.0 it asks for a currency that the cart does not carry."""

    def __init__(self, version: str) -> None:
        self.version = version

    def charge(self, cart: dict[str, Any]) -> str:
        """Return a receipt, or raise PaymentDeclinedError."""
        reason = "card expired" if cart.get("card") == "expired" else ""
        if self.version >= "1.1.0" and "currency" not in cart:
            reason = "no currency"
        if reason:
            raise PaymentDeclinedError(f"the bank refused the charge: {reason}")
        return "paid"


class Shop:
    """The WSGI application: /browse, /search, /checkout and /review."""

    def __init__(self, version: str) -> None:
        self.bank = Bank(version)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request; what is not caught here reaches Sentry's middleware as an unhandled error."""
        query = environ.get("shop.query", {})
        sentry_sdk.set_user({"id": query.get("user", "0")})
        routes = {"/browse": self.browse, "/search": self.search, "/checkout": self.checkout, "/review": self.review}
        body = routes[environ["PATH_INFO"]](query)
        start_response("200 OK", [("content-type", "application/json")])
        return [json.dumps(body).encode()]

    def browse(self, query: dict[str, Any]) -> dict[str, Any]:
        """List the goods; slow stock is worth a warning, not an error."""
        if query.get("slow"):
            sentry_sdk.capture_message("stock answered slowly", level="warning")
        return {"goods": sorted(PRICES)}

    def search(self, query: dict[str, Any]) -> dict[str, Any]:
        """Find a price; nobody thought of goods that are gone."""
        return {"price": PRICES[query["goods"]]}

    def checkout(self, query: dict[str, Any]) -> dict[str, Any]:
        """Pay; a refusal is reported and told to the customer."""
        try:
            return {"receipt": self.bank.charge(query["cart"])}
        except PaymentDeclinedError as refusal:
            sentry_sdk.capture_exception(refusal)
            return {"refused": str(refusal)}

    def review(self, query: dict[str, Any]) -> dict[str, Any]:
        """Take a review; anybody may write anything."""
        raise ValueError("review rejected: " + query["text"])
