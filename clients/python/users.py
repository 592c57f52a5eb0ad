"""Users: put, shown, queried, disabled, deleted, and their passwords."""

from elasticsearch import AuthenticationException, AuthorizationException

from harness import (
    FILE_PASSWORD,
    bearer,
    check,
    check_error,
    check_invalid,
    check_missing,
    check_refused,
    client,
    elastic,
    failures,
    logs_in,
    password_grant,
    works,
)

security = elastic.security

RESERVED = [
    "apm_system",
    "beats_system",
    "elastic",
    "kibana",
    "kibana_system",
    "logstash_system",
    "remote_monitoring_user",
]

# The hash of the password of the file realm's users.
HASH = (
    "{PBKDF2}1000$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    "$034eS2hj5FxHljzZNmhT4GIGod6KbeTnTS97ZJ5D73o="
)


def users_are_shown():
    security.put_user(username="uma", password="uma-password", roles=["viewer"])
    user = security.get_user(username="uma")["uma"]
    members = ["username", "roles", "full_name", "email", "metadata", "enabled"]
    check("get_user: members in order", list(user), members)
    check("get_user: values", list(user.values()), ["uma", ["viewer"], None, None, {}, True])
    some = security.get_user(username=["uma", "nobody", "elastic"])
    check("get_user of several", sorted(some), ["elastic", "uma"])
    check_missing("get_user of nobody", {}, lambda: security.get_user(username="nobody"))
    everybody = security.get_user()
    check("get_user of all: reserved ones", [n for n in RESERVED if n in everybody], RESERVED)
    check("get_user of all: native ones", "uma" in everybody, True)
    check("get_user of all: none of files", "otheruser" in everybody, False)
    check("a reserved user", everybody["elastic"]["metadata"], {"_reserved": True})
    security.put_user(username="uma", password_hash=HASH, roles=[])
    check("put_user by password_hash", logs_in("uma", FILE_PASSWORD), True)


def a_user_is_updated_in_part():
    def stored():
        return security.get_user(username="vera")["vera"]

    first = {"a": 1, "deep": {"x": 1}}
    put = security.put_user
    put(username="vera", password="vera-password", roles=["viewer"], metadata=first)
    security.disable_user(username="vera")
    check("disable_user", stored()["enabled"], False)
    more = {"b": 2, "deep": {"y": 2}}
    answer = put(username="vera", roles=["editor"], full_name="Vera", metadata=more)
    check("put_user without a password: created", answer["created"], False)
    merged = {"a": 1, "b": 2, "deep": {"x": 1, "y": 2}}
    check("put_user without a password: metadata", stored()["metadata"], merged)
    check("put_user without a password: roles", stored()["roles"], ["editor"])
    check("put_user without enabled", stored()["enabled"], True)
    check("the password stays", logs_in("vera", "vera-password"), True)
    put(username="vera", password="other-password", roles=[], metadata={"b": 2})
    check("put_user with a password: metadata", stored()["metadata"], {"b": 2})
    check("put_user with a password: full_name", stored()["full_name"], None)
    check("delete_user", security.delete_user(username="vera").body, {"found": True})
    check_missing(
        "delete_user again", {"found": False}, lambda: security.delete_user(username="vera")
    )


def users_are_queried():
    for number, name in enumerate(["quentin", "quincy", "quinn", "quirin"]):
        security.put_user(
            username=name,
            password_hash=HASH,
            roles=["viewer"] if number % 2 else ["editor"],
            full_name=f"{name.title()} Adams",
            email=None if number == 0 else f"{name}@example.org",
            enabled=number != 3,
        )
    query = security.query_user

    def names(**body):
        return [user["username"] for user in query(**body)["users"]]

    ours = {"prefix": {"username": "qu"}}
    answer = query(query=ours, sort=[{"username": {"order": "desc"}}], size=3)
    check("query_user: total and count", (answer["total"], answer["count"]), (4, 3))
    found = [user["username"] for user in answer["users"]]
    check("query_user: sorted", found, ["quirin", "quinn", "quincy"])
    check("query_user: _sort", answer["users"][2]["_sort"], ["quincy"])
    after = names(query=ours, sort=["username"], search_after=["quincy"])
    check("query_user: search_after", after, ["quinn", "quirin"])
    check("query_user: from", names(query=ours, sort="username", from_=3), ["quirin"])
    nothing = {"total": 4, "count": 0, "users": []}
    check("query_user: size 0", query(query=ours, size=0).body, nothing)
    sort = "username"
    for kind, wanted in {
        "term": ({"roles": "viewer"}, ["quincy", "quirin"]),
        "terms": ({"username": ["quinn", "nobody"]}, ["quinn"]),
        "wildcard": ({"username": "qui?n"}, ["quinn"]),
        "exists": ({"field": "email"}, ["quincy", "quinn", "quirin"]),
        "match": ({"full_name": "quinn"}, ["quinn"]),
        "ids": ({"values": ["user-quentin", "user-nobody"]}, ["quentin"]),
        "range": ({"username": {"gt": "quincy"}}, ["quinn", "quirin"]),
        "simple_query_string": ({"query": "quen*", "fields": ["username"]}, ["quentin"]),
        "bool": ({"must_not": {"term": {"enabled": True}}}, ["quirin"]),
    }.items():
        body, found = wanted
        both = {"bool": {"must": [ours], "filter": [{kind: body}]}}
        check(f"query_user: {kind}", names(query=both, sort=sort), found)
    reserved = query(query={"term": {"username": "elastic"}})
    check("query_user: no reserved users", reserved.body, {"total": 0, "count": 0, "users": []})
    check("query_user of all: natives", query()["total"] >= 4, True)
    illegal = "illegal_argument_exception"
    for what, reason, body in [
        (
            "field",
            "Field [password] is not allowed for querying or aggregation",
            {"query": {"term": {"password": "x"}}},
        ),
        (
            "kind",
            "Query type [fuzzy] is not currently supported in this context",
            {"query": {"fuzzy": {"username": "x"}}},
        ),
        ("sort", "sorting is not supported for field [email]", {"sort": ["email"]}),
    ]:
        check_refused(f"query_user: {what}", 400, illegal, reason, lambda: query(**body))


def users_are_disabled_and_enabled():
    security.put_user(username="dora", password="dora-password", roles=["superuser"])
    check("disable_user", security.disable_user(username="dora").body, {})
    check("disable_user again", security.disable_user(username="dora").body, {})
    check("a disabled user", logs_in("dora", "dora-password"), False)
    check("enable_user", security.enable_user(username="dora").body, {})
    check("an enabled user", logs_in("dora", "dora-password"), True)
    for verb, call in [("enabled", security.enable_user), ("disabled", security.disable_user)]:
        reason = failures(f"only existing users can be {verb}")
        check_refused(
            f"nobody is {verb}",
            400,
            "validation_exception",
            reason,
            lambda: call(username="nobody"),
        )
    with client("dora", "dora-password") as dora:
        check_refused(
            "disable_user of oneself",
            400,
            "illegal_argument_exception",
            "users may not update the enabled status of their own account",
            lambda: dora.security.disable_user(username="dora"),
        )


def passwords_are_changed():
    change = security.change_password
    security.put_user(username="pia", password="pia-password", roles=[])
    with client("pia", "pia-password") as pia:
        own = pia.security.change_password(password="pia-second")
        check("change_password of oneself", own.body, {})
    check("the old password", logs_in("pia", "pia-password"), False)
    pair = password_grant("pia", "pia-second")
    with client(bearer=pair["access_token"]) as pia:
        check_refused(
            "change_password with a token",
            403,
            "security_exception",
            "action [cluster:admin/xpack/security/user/change_password] is unauthorized for"
            " user [pia] with effective roles [],"
            " this action is granted by the cluster privileges [manage_security,all]",
            lambda: pia.security.change_password(password="pia-third"),
        )
    change(username="pia", password_hash=HASH)
    check("change_password by hash", logs_in("pia", FILE_PASSWORD), True)
    check("a token outlives the password", works(pair), True)
    with client("pia", FILE_PASSWORD) as pia:
        check_error(
            "change_password of another",
            AuthorizationException,
            403,
            lambda: pia.security.change_password(username="nobody", password="abcdef"),
        )
    with client("otheruser", FILE_PASSWORD) as other:
        check_error(
            "change_password of a file user",
            AuthorizationException,
            403,
            lambda: other.security.change_password(password="abcdef"),
        )
    reserved = "logstash_system"
    change(username=reserved, password="logstash-password")
    me = bearer(password_grant(reserved, "logstash-password"))
    check("a reserved user: realm", me["authentication_realm"]["name"], "reserved")
    check("a reserved user: roles", me["roles"], [reserved])
    for what, reason, given in [
        ("nobody", "user must exist in order to change password", "long-enough"),
        ("pia", "passwords must be at least [6] characters long", "short"),
    ]:
        check_refused(
            f"change_password of {what}",
            400,
            "validation_exception",
            failures(reason),
            lambda: change(username=what, password=given),
        )
    check("the refused change", logs_in("pia", FILE_PASSWORD), True)


def bad_users_are_refused():
    put = security.put_user
    name_rule = (
        "User names must be at least 1 and no more than 507 characters. They can contain"
        " alphanumeric characters (a-z, A-Z, 0-9), spaces, punctuation, and printable symbols in"
        " the Basic Latin (ASCII) block. Leading or trailing whitespace is not allowed."
    )
    good = {"username": "bad", "password": "long-enough", "roles": []}
    for what, message, body in [
        ("roles", "roles are missing", {"roles": None}),
        ("metadata", "metadata keys may not start with [_]", {"metadata": {"_x": 1}}),
        ("blank", name_rule, {"username": " a"}),
        ("umlaut", name_rule, {"username": "\u00e9"}),
        ("length", name_rule, {"username": "a" * 508}),
        (
            "reserved",
            "user [elastic] is reserved and only the password can be changed",
            {"username": "elastic"},
        ),
    ]:
        body = {key: value for key, value in {**good, **body}.items() if value is not None}
        check_invalid(f"put_user: {what}", message, lambda: put(**body))
    for what, message, body in [
        ("short", "passwords must be at least [6] characters long", {"password": "12345"}),
        ("both", "password_hash has already been set", {"password_hash": HASH}),
        (
            "none",
            "password must be specified unless you are updating an existing user",
            {"password": None},
        ),
    ]:
        body = {key: value for key, value in {**good, **body}.items() if value is not None}
        check_refused(
            f"put_user: {what}",
            400,
            "validation_exception",
            failures(message),
            lambda: put(**body),
        )
    check_refused(
        "put_user: unknown member",
        400,
        "parse_exception",
        "failed to parse add user request. unexpected field [colour]",
        lambda: put(username="bad", body={"roles": [], "colour": "blue"}),
    )
    check_refused(
        "delete_user of a reserved one",
        400,
        "illegal_argument_exception",
        "user [kibana_system] is reserved and cannot be deleted",
        lambda: security.delete_user(username="kibana_system"),
    )
    check_missing("nothing is stored", {}, lambda: security.get_user(username="bad"))


def a_disabled_user_is_refused_everywhere():
    security.put_user(username="dan", password="dan-password", roles=["superuser"])
    with client("dan", "dan-password") as dan:
        health = dan.cluster.health()
        check("health as a user", health["timed_out"], False)
        security.disable_user(username="dan")
        check_error("health, disabled", AuthenticationException, 401, dan.cluster.health)


SCENARIOS = [
    users_are_shown,
    a_user_is_updated_in_part,
    users_are_queried,
    users_are_disabled_and_enabled,
    passwords_are_changed,
    bad_users_are_refused,
    a_disabled_user_is_refused_everywhere,
]
