"""Privileges: those of applications, those that are built in, and who holds which."""

from harness import (
    EXCEPTIONS,
    check,
    check_error,
    check_missing,
    check_refused,
    check_told,
    client,
    elastic,
)

security = elastic.security


def application_privileges_are_kept():
    privileges = {
        "myapp": {
            "read": {"actions": ["data:read/*", "action:login"], "metadata": {"v": 1}},
            "write": {"actions": ["data:write/*"]},
        },
        "myapp-two": {"read": {"actions": ["data:read/*"]}},
    }
    answer = security.put_privileges(privileges=privileges)
    made = {"created": True}
    wanted = {"myapp": {"read": made, "write": made}, "myapp-two": {"read": made}}
    check("put_privileges", answer.body, wanted)
    answer = security.put_privileges(privileges={"myapp": {"read": {"actions": ["data:read/*"]}}})
    check("put_privileges again", answer.body, {"myapp": {"read": {"created": False}}})
    one = security.get_privileges(application="myapp", name="read")
    read = {"application": "myapp", "name": "read", "actions": ["data:read/*"], "metadata": {}}
    check("get_privileges by name", one.body, {"myapp": {"read": read}})
    check("get_privileges: members in order", list(one["myapp"]["read"]), list(read))
    some = security.get_privileges(application="myapp", name=["read", "write", "none"])
    check("get_privileges of several", sorted(some["myapp"]), ["read", "write"])
    every = security.get_privileges()
    check("get_privileges of all", sorted(every), ["myapp", "myapp-two"])
    two = security.get_privileges(application="myapp-two")
    check("get_privileges of one application", list(two), ["myapp-two"])
    none = security.get_privileges(application="nothing")
    check("get_privileges of an unknown application", none.body, {})
    check_missing(
        "get_privileges of none",
        {},
        lambda: security.get_privileges(application="myapp", name="none"),
    )
    answer = security.delete_privileges(application="myapp", name=["write", "none"])
    found = {"write": {"found": True}, "none": {"found": False}}
    check("delete_privileges", answer.body, {"myapp": found})
    check_missing(
        "delete_privileges again",
        {"myapp": {"write": {"found": False}}},
        lambda: security.delete_privileges(application="myapp", name="write"),
    )
    security.delete_privileges(application="myapp-two", name="read")


def bad_application_privileges_are_refused():
    good = {"actions": ["data:read/*"]}
    put = security.put_privileges
    pattern = "must match the pattern ^[a-z][A-Za-z0-9]*$ (found 'My')"
    for what, message, privileges in [
        ("prefix", f"An application name prefix {pattern}", {"My": {"read": good}}),
        (
            "length",
            "An application name prefix must be at least 3 characters long (found 'ab')",
            {"ab": {"read": good}},
        ),
        (
            "name",
            "Application privilege names must match the pattern ^[a-z][a-zA-Z0-9_.-]*$"
            " (found 'Read')",
            {"myapp": {"Read": good}},
        ),
        (
            "actions",
            "Application privileges must have at least one action",
            {"myapp": {"list": {"actions": []}}},
        ),
        (
            "metadata",
            "metadata keys may not start with [_] (in privilege myapp list)",
            {"myapp": {"list": {**good, "metadata": {"_x": 1}}}},
        ),
    ]:
        check_told(
            f"put_privileges: {what}", 400, f": {message};", lambda: put(privileges=privileges)
        )
    check_missing(
        "nothing is stored",
        {},
        lambda: security.get_privileges(application="myapp", name="list"),
    )


def privileges_are_built_in():
    builtin = security.get_builtin_privileges()
    check("builtin: members", list(builtin), ["cluster", "index", "remote_cluster"])
    for kind, some in [
        ("cluster", ["manage_security", "manage_token", "none", "read_security"]),
        ("index", ["all", "read", "view_index_metadata", "write"]),
        ("remote_cluster", ["monitor_enrich", "monitor_stats"]),
    ]:
        check(f"builtin: {kind} is sorted", builtin[kind], sorted(builtin[kind]))
        check(f"builtin: {kind}", [name for name in some if name in builtin[kind]], some)


def privileges_are_asked_for():
    security.put_privileges(privileges={"shop": {"buy": {"actions": ["order:write/*"]}}})
    security.put_role(
        name="buyer",
        cluster=["monitor"],
        indices=[{"names": ["index-*"], "privileges": ["read", "write"]}],
        applications=[{"application": "shop", "privileges": ["buy"], "resources": ["room/*"]}],
    )
    security.put_user(username="bea", password="bea-password", roles=["buyer"])
    asked = {
        "cluster": ["monitor", "manage_security"],
        "index": [
            {"names": ["index-1", "other"], "privileges": ["read"]},
            {"names": ["*"], "privileges": ["read"]},
        ],
        "application": [
            {"application": "shop", "privileges": ["buy", "order:write/x"], "resources": ["room/1"]}
        ],
    }
    with client("bea", "bea-password") as bea:
        answer = bea.security.has_privileges(**asked)
        wanted = {
            "username": "bea",
            "has_all_requested": False,
            "cluster": {"monitor": True, "manage_security": False},
            "index": {"index-1": {"read": True}, "other": {"read": False}, "*": {"read": False}},
            "application": {"shop": {"room/1": {"buy": True, "order:write/x": True}}},
        }
        check("has_privileges", answer.body, wanted)
        answer = bea.security.has_privileges(user="bea", cluster=["monitor"])
        check("has_privileges: all", answer["has_all_requested"], True)
        check("has_privileges: not asked", (answer["index"], answer["application"]), ({}, {}))
        mine = bea.security.get_user_privileges()
        check("get_user_privileges: cluster", mine["cluster"], ["monitor"])
        index = {
            "names": ["index-*"],
            "privileges": ["read", "write"],
            "allow_restricted_indices": False,
        }
        check("get_user_privileges: indices", mine["indices"], [index])
        application = {"application": "shop", "privileges": ["buy"], "resources": ["room/*"]}
        check("get_user_privileges: applications", mine["applications"], [application])
        check("get_user_privileges: the rest", (mine["global"], mine["run_as"]), ([], []))
        check_refused(
            "has_privileges: nothing asked",
            400,
            "parse_exception",
            "failed to parse privileges check [bea]."
            " All privilege fields [cluster,index,applications] are missing",
            lambda: bea.security.has_privileges(body={}),
        )
        query = [{"names": ["a"], "privileges": ["read"], "query": "{}"}]
        check_told(
            "has_privileges: query",
            400,
            "Field [query] is not supported in a has_privileges request",
            lambda: bea.security.has_privileges(index=query),
        )
        check_error(
            "has_privileges of another",
            EXCEPTIONS[403],
            403,
            lambda: bea.security.has_privileges(user="elastic", cluster=["monitor"]),
        )
        check_refused(
            "get_builtin_privileges without the privilege",
            403,
            "security_exception",
            "action [cluster:admin/xpack/security/privilege/builtin/get] is unauthorized for user"
            " [bea] with effective roles [buyer], this action is granted by the cluster"
            " privileges [read_security,manage_security,all]",
            bea.security.get_builtin_privileges,
        )
    answer = security.has_privileges(**asked)
    check("elastic has every privilege", answer["has_all_requested"], True)


def applications_are_managed_by_name():
    manage = {"application": {"manage": {"applications": ["test-*"]}}}
    security.put_role(name="shopkeeper", global_=manage)
    security.put_user(username="sam", password="sam-password", roles=["shopkeeper"])
    good = {"read": {"actions": ["data:read/*"]}}
    with client("sam", "sam-password") as sam:
        answer = sam.security.put_privileges(privileges={"test-app": good})
        check("one's own application", answer.body, {"test-app": {"read": {"created": True}}})
        check_error(
            "another application",
            EXCEPTIONS[403],
            403,
            lambda: sam.security.put_privileges(privileges={"other": good}),
        )
        mine = sam.security.get_user_privileges()
        check("get_user_privileges: global", mine["global"], [manage])
        answer = sam.security.delete_privileges(application="test-app", name="read")
        found = {"test-app": {"read": {"found": True}}}
        check("one's own application, deleted", answer.body, found)


SCENARIOS = [
    application_privileges_are_kept,
    bad_application_privileges_are_refused,
    privileges_are_built_in,
    privileges_are_asked_for,
    applications_are_managed_by_name,
]
