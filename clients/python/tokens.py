"""Tokens: granted, refreshed, and invalidated as the reference's examples do."""

from elasticsearch import (
    AuthenticationException,
    AuthorizationException,
    BadRequestError,
    NotFoundError,
)

from harness import (
    FILE_PASSWORD,
    MAJOR,
    NATIVE_PASSWORD,
    bearer,
    check,
    check_error,
    client,
    elastic,
    password_grant,
    works,
)


def saml1_grant(name="myuser"):
    """A pair of a user of the file realm `saml1`."""
    return password_grant(name, FILE_PASSWORD)


def native_grant():
    """A pair of the native user who is also called `myuser`."""
    return password_grant("myuser", NATIVE_PASSWORD)


def refresh(pair):
    return elastic.security.get_token(
        grant_type="refresh_token", refresh_token=pair["refresh_token"]
    )


def check_counts(what, answer, invalidated, previously):
    """Checks every member of the answer to an invalidation."""
    check(f"{what}: invalidated_tokens", answer["invalidated_tokens"], invalidated)
    check(
        f"{what}: previously_invalidated_tokens",
        answer["previously_invalidated_tokens"],
        previously,
    )
    check(f"{what}: error_count", answer["error_count"], 0)
    check(f"{what}: no error_details", "error_details" in answer, False)
    check(f"{what}: no other member", len(answer), 3)


def the_server_is_recognised():
    info = elastic.info()
    check("info: tagline", info["tagline"], "You Know, for Search")
    check("info: version.number", info["version"]["number"], "8.19.0")
    check("info: cluster_name", info["cluster_name"], "jeton-clients")
    check("info: product header", info.meta.headers["x-elastic-product"], "Elasticsearch")
    check(
        "info: media type of this client's major version",
        info.meta.headers["content-type"],
        f"application/vnd.elasticsearch+json;compatible-with={MAJOR}",
    )
    check("ping", elastic.ping(), True)
    health = elastic.cluster.health(wait_for_status="green", timeout="30s")
    check("health: status", health["status"], "green")
    check("health: timed_out", health["timed_out"], False)
    me = elastic.security.authenticate()
    check("authenticate: username", me["username"], "elastic")
    check("authenticate: roles", me["roles"], ["superuser"])
    check("authenticate: metadata", me["metadata"], {"_reserved": True})
    check("authenticate: enabled", me["enabled"], True)
    reserved = {"name": "reserved", "type": "reserved"}
    check("authenticate: realm", me["authentication_realm"], reserved)
    check("authenticate: lookup realm", me["lookup_realm"], reserved)
    check("authenticate: type", me["authentication_type"], "realm")


def users_and_roles_are_kept():
    security = elastic.security
    role = security.put_role(name="token_maker", cluster=["manage_token"])
    check("put_role: created", role["role"], {"created": True})
    role = security.put_role(name="token_maker", cluster=["manage_token", "monitor"])
    check("put_role again: created", role["role"], {"created": False})
    role = security.get_role(name="token_maker")
    check("get_role: cluster", role["token_maker"]["cluster"], ["manage_token", "monitor"])
    user = security.put_user(
        username="joe",
        password="first-password",
        roles=["token_maker"],
        full_name="Joe Bloggs",
        email="joe@example.org",
        metadata={"team": "blue"},
    )
    check("put_user: created", user["created"], True)
    user = security.get_user(username="joe")["joe"]
    check("get_user: full_name", user["full_name"], "Joe Bloggs")
    check("get_user: no password", "password" in user or "password_hash" in user, False)
    with client("joe", "first-password") as joe:
        me = joe.security.authenticate()
        check("authenticate as joe: roles", me["roles"], ["token_maker"])
        check("authenticate as joe: full_name", me["full_name"], "Joe Bloggs")
        check("authenticate as joe: email", me["email"], "joe@example.org")
        check("authenticate as joe: metadata", me["metadata"], {"team": "blue"})
        native = {"name": "default_native", "type": "native"}
        check("authenticate as joe: realm", me["authentication_realm"], native)
        pair = joe.security.get_token(grant_type="client_credentials")
        check("joe's token is joe", bearer(pair)["username"], "joe")
    changed = security.change_password(username="joe", password="second-password")
    check("change_password", changed.body, {})
    with client("joe", "first-password") as joe:
        check_error(
            "old password", AuthenticationException, 401, lambda: joe.security.authenticate()
        )
    with client("joe", "second-password") as joe:
        check("new password", joe.security.authenticate()["username"], "joe")
    security.put_role(name="nothing", cluster=[])
    security.put_user(username="ann", password="ann-password", roles=["nothing"])
    with client("ann", "ann-password") as ann:
        check_error(
            "no privilege, no token",
            AuthorizationException,
            403,
            lambda: ann.security.get_token(grant_type="client_credentials"),
        )
    check("delete_user: found", security.delete_user(username="joe")["found"], True)
    body = check_error(
        "delete_user again", NotFoundError, 404, lambda: security.delete_user(username="joe")
    )
    check("delete_user again: found", body.get("found"), False)
    check("a token outlives its user", works(pair), True)
    answer = security.invalidate_token(username="joe")
    check_counts("of a deleted user", answer, 1, 0)
    check("delete_role: found", security.delete_role(name="token_maker")["found"], True)
    body = check_error(
        "delete_role again", NotFoundError, 404, lambda: security.delete_role(name="token_maker")
    )
    check("delete_role again: found", body.get("found"), False)
    check_error(
        "get_role of nobody", NotFoundError, 404, lambda: security.get_role(name="token_maker")
    )


def a_client_credentials_token_is_invalidated():
    pair = elastic.security.get_token(grant_type="client_credentials")
    check("client_credentials: type", pair["type"], "Bearer")
    check("client_credentials: expires_in", pair["expires_in"], 1200)
    check("client_credentials: no refresh_token", "refresh_token" in pair, False)
    check("client_credentials: who", pair["authentication"]["username"], "elastic")
    check("client_credentials: how", pair["authentication"]["authentication_type"], "realm")
    me = bearer(pair)
    check("bearer: username", me["username"], "elastic")
    check("bearer: authentication_type", me["authentication_type"], "token")
    answer = elastic.security.invalidate_token(token=pair["access_token"])
    check_counts("an access token", answer, 1, 0)
    body = check_error("bearer, invalidated", AuthenticationException, 401, lambda: bearer(pair))
    check("bearer, invalidated: reason", body["error"]["reason"], "token expired")
    answer = elastic.security.invalidate_token(token=pair["access_token"])
    check_counts("an access token again", answer, 0, 1)


def a_refresh_token_is_invalidated():
    pair = saml1_grant()
    check("password: type", pair["type"], "Bearer")
    check("password: expires_in", pair["expires_in"], 1200)
    who = pair["authentication"]
    check("password: who", who["username"], "myuser")
    check("password: roles", who["roles"], ["monitoring"])
    check("password: realm", who["authentication_realm"], {"name": "saml1", "type": "file"})
    check("password: how", who["authentication_type"], "realm")
    check("bearer: who", bearer(pair)["username"], "myuser")
    answer = elastic.security.invalidate_token(refresh_token=pair["refresh_token"])
    check_counts("a refresh token", answer, 1, 0)
    check("its access token lives on", works(pair), True)
    body = check_error("refresh, invalidated", BadRequestError, 400, lambda: refresh(pair))
    check("refresh, invalidated: error", body.get("error"), "invalid_grant")
    check(
        "refresh, invalidated: description",
        body.get("error_description"),
        "token has been invalidated",
    )
    answer = elastic.security.invalidate_token(refresh_token=pair["refresh_token"])
    check_counts("a refresh token again", answer, 0, 1)
    answer = elastic.security.invalidate_token(token=pair["access_token"])
    check_counts("the other half", answer, 1, 0)
    check("both halves are dead", works(pair), False)


def a_pair_is_refreshed():
    first = elastic.security.get_token(
        grant_type="password", username="myuser", password=FILE_PASSWORD, scope="full"
    )
    check("scope", first["scope"], "full")
    second = refresh(first)
    check("refresh: another access token", second["access_token"] != first["access_token"], True)
    check(
        "refresh: another refresh token", second["refresh_token"] != first["refresh_token"], True
    )
    check("refresh: how", second["authentication"]["authentication_type"], "token")
    check("both access tokens work", (works(first), works(second)), (True, True))
    again = refresh(first)
    check("again: the same access token", again["access_token"], second["access_token"])
    check("again: the same refresh token", again["refresh_token"], second["refresh_token"])
    third = refresh(second)
    check("a chain of refreshes", works(third), True)
    answer = elastic.security.invalidate_token(username="myuser", realm_name="saml1")
    check_counts("three pairs of one chain", answer, 6, 0)
    check("the whole chain is dead", [works(p) for p in (first, second, third)], [False] * 3)
    body = check_error("refresh after it", BadRequestError, 400, lambda: refresh(third))
    check("refresh after it: error", body.get("error"), "invalid_grant")


def tokens_are_invalidated_by_realm_and_user():
    invalidate = elastic.security.invalidate_token
    elastic.security.put_user(username="myuser", password=NATIVE_PASSWORD, roles=[])

    pairs = [saml1_grant(), saml1_grant(), saml1_grant("otheruser"), native_grant()]
    check(
        "realms of the pairs",
        [pair["authentication"]["authentication_realm"]["name"] for pair in pairs],
        ["saml1", "saml1", "saml1", "default_native"],
    )
    check_counts("all of realm saml1", invalidate(realm_name="saml1"), 6, 0)
    check("only saml1 is dead", [works(pair) for pair in pairs], [False, False, False, True])
    check_counts("all of realm saml1 again", invalidate(realm_name="saml1"), 0, 0)

    pairs = [pairs[3], saml1_grant(), saml1_grant("otheruser")]
    check_counts("all of user myuser", invalidate(username="myuser"), 4, 0)
    check("only myuser is dead", [works(pair) for pair in pairs], [False, False, True])

    pairs = [saml1_grant(), native_grant(), pairs[2]]
    answer = invalidate(realm_name="saml1", username="myuser")
    check_counts("myuser in saml1", answer, 2, 0)
    check("only myuser in saml1 is dead", [works(pair) for pair in pairs], [False, True, True])
    check_counts("what is left of myuser", invalidate(username="myuser"), 2, 0)
    check_counts("what is left of saml1", invalidate(realm_name="saml1"), 2, 0)

    pair = saml1_grant()
    check_counts("one half", invalidate(token=pair["access_token"]), 1, 0)
    check_counts("a half invalidated before", invalidate(username="myuser"), 1, 1)
    check_counts("both halves invalidated before", invalidate(username="myuser"), 0, 0)
    check_counts("an unknown user", invalidate(username="nobody"), 0, 0)
    check_counts("an unknown realm", invalidate(realm_name="nowhere"), 0, 0)
    check("a new pair after all of this", works(saml1_grant()), True)


def what_is_wrong_is_refused():
    security = elastic.security
    unknown = "dGhpcyBpcyBub3QgYSB0b2tlbg"
    for half in ("token", "refresh_token"):
        body = check_error(
            f"unknown {half}",
            NotFoundError,
            404,
            lambda: security.invalidate_token(**{half: unknown}),
        )
        check_counts(f"unknown {half}", body, 0, 0)
    check_error(
        "unknown bearer",
        AuthenticationException,
        401,
        lambda: bearer({"access_token": unknown}),
    )
    pair = saml1_grant()
    check_error(
        "a refresh token as bearer",
        AuthenticationException,
        401,
        lambda: bearer({"access_token": pair["refresh_token"]}),
    )
    check_error(
        "a refresh token as access token",
        NotFoundError,
        404,
        lambda: security.invalidate_token(token=pair["refresh_token"]),
    )
    check_error(
        "wrong password", AuthenticationException, 401, lambda: password_grant("myuser", "wrong")
    )
    body = check_error(
        "unknown grant", BadRequestError, 400, lambda: security.get_token(grant_type="magic")
    )
    check("unknown grant: error", body.get("error"), "unsupported_grant_type")
    body = check_error(
        "half a password grant",
        BadRequestError,
        400,
        lambda: security.get_token(grant_type="password", username="myuser"),
    )
    check("half a password grant: error", body.get("error"), "invalid_request")
    check(
        "half a password grant: description",
        body.get("error_description"),
        "Validation Failed: 1: password is missing;",
    )
    body = check_error(
        "token and user at once",
        BadRequestError,
        400,
        lambda: security.invalidate_token(token="x", username="myuser"),
    )
    check(
        "token and user at once: type",
        body["error"]["type"],
        "action_request_validation_exception",
    )


SCENARIOS = [
    the_server_is_recognised,
    users_and_roles_are_kept,
    a_client_credentials_token_is_invalidated,
    a_refresh_token_is_invalidated,
    a_pair_is_refreshed,
    tokens_are_invalidated_by_realm_and_user,
    what_is_wrong_is_refused,
]
