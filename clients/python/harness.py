"""What every scenario uses: the clients it speaks through, and checks that print one line each."""

import json
import os

from elasticsearch import (
    ApiError,
    AuthenticationException,
    AuthorizationException,
    BadRequestError,
    Elasticsearch,
    NotFoundError,
)

URL = os.environ["JETON_URL"]
AUTHORITY = os.environ.get("JETON_CA")
ELASTIC_PASSWORD = os.environ["JETON_ELASTIC_PASSWORD"]
FILE_PASSWORD = os.environ["JETON_FILE_PASSWORD"]
NATIVE_PASSWORD = "native-test-password"
MAJOR = int(os.environ["JETON_CLIENT_MAJOR"])

passed = 0
failed = 0

# The exception of the client for each status.
EXCEPTIONS = {
    400: BadRequestError,
    401: AuthenticationException,
    403: AuthorizationException,
    404: NotFoundError,
}


def check(what, found, wanted):
    """Compares two values and prints one line."""
    global passed, failed
    if found == wanted:
        passed += 1
        print(f"ok      {what}")
    else:
        failed += 1
        print(f"FAILED  {what}: found {found!r}, wanted {wanted!r}")


def give_up(what):
    """Counts a scenario that ended early."""
    global failed
    failed += 1
    print(f"FAILED  {what} ended early")


def check_error(what, kind, status, call):
    """Checks that a call raises the client's own exception; returns its body."""
    try:
        answer = call()
    except ApiError as error:
        check(what, (type(error), error.status_code), (kind, status))
        return error.body
    check(what, answer, kind)
    return {}


def check_refused(what, status, kind, reason, call):
    """Checks the exception, the error's type and its whole reason; returns the error."""
    body = check_error(what, EXCEPTIONS[status], status, call)
    error = body.get("error", {})
    check(f"{what}: type", error.get("type"), kind)
    check(f"{what}: reason", error.get("reason"), reason)
    return error


def check_invalid(what, message, call):
    """Checks the 400 for a request that fails its validation."""
    check_refused(what, 400, "action_request_validation_exception", failures(message), call)


def failures(message):
    """The reason of a failed validation with one message."""
    return f"Validation Failed: 1: {message};"


def check_missing(what, wanted, call):
    """Checks a 404 whose body is an answer without a hit and no error."""
    body = check_error(what, NotFoundError, 404, call)
    check(f"{what}: body", body, wanted)


def check_told(what, status, text, call):
    """Checks that the reason of a refusal holds a text."""
    body = check_error(what, EXCEPTIONS[status], status, call)
    check(f"{what}, told", json.dumps(text)[1:-1] in json.dumps(body), True)


def client(name=None, password=None, bearer=None):
    """A client as an application makes it."""
    options = {"basic_auth": (name, password)} if bearer is None else {"bearer_auth": bearer}
    if AUTHORITY:
        options["ca_certs"] = AUTHORITY
    return Elasticsearch(URL, request_timeout=30, **options)


def logs_in(name, password):
    """Whether a name and a password are accepted."""
    with client(name, password) as user:
        try:
            user.security.authenticate()
        except AuthenticationException:
            return False
    return True


def password_grant(name, password):
    """A pair of tokens for a user, asked for by `elastic`."""
    return elastic.security.get_token(grant_type="password", username=name, password=password)


def bearer(pair):
    """Who the access token of a pair is."""
    with client(bearer=pair["access_token"]) as user:
        return user.security.authenticate()


def works(pair):
    """Whether the access token of a pair is accepted."""
    try:
        bearer(pair)
    except AuthenticationException:
        return False
    return True


elastic = client("elastic", ELASTIC_PASSWORD)
