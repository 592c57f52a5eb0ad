"""What stands beside identities: caches, settings, statistics, certificates."""

from harness import (
    AUTHORITY,
    EXCEPTIONS,
    check,
    check_error,
    check_refused,
    check_told,
    client,
    elastic,
)

security = elastic.security


def caches_are_cleared():
    security.put_user(username="cleo", password="cleo-password", roles=["viewer"])
    calls = {
        "clear_cached_realms": lambda to: to.clear_cached_realms(
            realms="default_native", usernames=["cleo"]
        ),
        "clear_cached_realms of all": lambda to: to.clear_cached_realms(realms="*"),
        "clear_cached_roles": lambda to: to.clear_cached_roles(name=["viewer", "unknown"]),
        "clear_cached_privileges": lambda to: to.clear_cached_privileges(application="*"),
        "clear_api_key_cache": lambda to: to.clear_api_key_cache(ids="*"),
        "clear_cached_service_tokens": lambda to: to.clear_cached_service_tokens(
            namespace="elastic", service="fleet-server", name="unknown"
        ),
    }
    for what, call in calls.items():
        answer = call(security)
        done = {"total": 1, "successful": 1, "failed": 0}
        check(what, answer["_nodes"], done)
        check(f"{what}: cluster_name", answer["cluster_name"], "jeton-clients")
        (node,) = answer["nodes"].values()
        check(f"{what}: node", list(node), ["name"])
    with client("cleo", "cleo-password") as cleo:
        check_refused(
            "clear_cached_roles without the privilege",
            403,
            "security_exception",
            "action [cluster:admin/xpack/security/roles/cache/clear] is unauthorized for user"
            " [cleo] with effective roles [viewer],"
            " this action is granted by the cluster privileges [manage_security,all]",
            lambda: cleo.security.clear_cached_roles(name="*"),
        )


def settings_are_kept():
    first = {"index": {"auto_expand_replicas": "0-1", "number_of_replicas": "0"}}
    names = ["security", "security-profile", "security-tokens"]
    check("get_settings", security.get_settings().body, dict.fromkeys(names, first))
    answer = security.update_settings(
        security={"index.number_of_replicas": 1},
        security_tokens={"index": {"auto_expand_replicas": "0-all"}},
    )
    check("update_settings", answer.body, {"acknowledged": True})
    settings = security.get_settings()
    check("a number is text", settings["security"]["index"]["number_of_replicas"], "1")
    expand = settings["security-tokens"]["index"]["auto_expand_replicas"]
    check("nested settings", expand, "0-all")
    check("the others stay", settings["security-profile"], first)
    security.update_settings(
        security={"index.number_of_replicas": None},
        security_tokens={"index": {"auto_expand_replicas": None}},
    )
    check("null resets", security.get_settings().body, dict.fromkeys(names, first))
    check_told(
        "update_settings: another setting",
        400,
        "illegal settings for index [security]: [",
        lambda: security.update_settings(security={"index.refresh_interval": "1s"}),
    )
    check_error(
        "update_settings: another index",
        EXCEPTIONS[400],
        400,
        lambda: security.update_settings(body={"other": {"index.number_of_replicas": 1}}),
    )
    check("nothing is stored", security.get_settings().body, dict.fromkeys(names, first))


def statistics_are_shown():
    # Clients before 9.2 do not know the call.
    if not hasattr(security, "get_stats"):
        return
    (node,) = security.get_stats()["nodes"].values()
    cache = node["roles"]["dls"]["bit_set_cache"]
    check("get_stats", (cache["count"], cache["memory"]), (0, "0b"))


def certificates_are_shown():
    found = elastic.ssl.certificates().body
    if not AUTHORITY:
        check("certificates without TLS", found, [])
        return
    members = [
        "path",
        "format",
        "alias",
        "subject_dn",
        "serial_number",
        "has_private_key",
        "expiry",
        "issuer",
    ]
    check("certificates: some", len(found) > 0, True)
    check("certificates: members in order", [list(one) for one in found], [members] * len(found))
    kinds = [(one["format"], one["alias"]) for one in found]
    check("certificates: PEM has no alias", kinds, [("PEM", None)] * len(found))
    check("certificates: the server's own", [one["has_private_key"] for one in found][0], True)


SCENARIOS = [
    caches_are_cleared,
    settings_are_kept,
    statistics_are_shown,
    certificates_are_shown,
]
