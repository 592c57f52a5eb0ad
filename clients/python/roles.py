"""Roles: put, shown, queried, put and deleted many at once."""

from elasticsearch import BadRequestError

from harness import (
    check,
    check_error,
    check_invalid,
    check_missing,
    check_refused,
    check_told,
    client,
    elastic,
)

security = elastic.security


def roles_are_kept_whole():
    given = {
        "cluster": ["monitor", "manage_token"],
        "global_": {"application": {"manage": {"applications": ["shop-*"]}}},
        "indices": [
            {
                "names": ["logs-*"],
                "privileges": ["read"],
                "field_security": {"grant": ["*"], "except": ["secret"]},
                "query": {"term": {"team": "blue"}},
            }
        ],
        "applications": [{"application": "shop-1", "privileges": ["buy"], "resources": ["*"]}],
        "run_as": ["agent-*"],
        "metadata": {"team": "blue"},
        "description": "Reads logs",
    }
    answer = security.put_role(name="whole", **given)
    check("put_role: created", answer.body, {"role": {"created": True}})
    answer = security.put_role(name="whole", **given)
    check("put_role again: created", answer.body, {"role": {"created": False}})
    role = security.get_role(name="whole")["whole"]
    members = [
        "cluster",
        "global",
        "indices",
        "applications",
        "run_as",
        "metadata",
        "transient_metadata",
        "description",
    ]
    check("get_role: members in order", list(role), members)
    index = role["indices"][0]
    check("get_role: query is text", index["query"], '{"term":{"team":"blue"}}')
    check("get_role: restricted indices", index["allow_restricted_indices"], False)
    check("get_role: fields", index["field_security"], given["indices"][0]["field_security"])
    check("get_role: applications", role["applications"], given["applications"])
    check("get_role: run_as", role["run_as"], ["agent-*"])
    check("get_role: description", role["description"], "Reads logs")
    check("get_role: transient_metadata", role["transient_metadata"], {"enabled": True})
    granted = role["global"]["application"]
    check("get_role: global", granted, {"manage": {"applications": ["shop-*"]}})

    security.put_role(name="bare", indices=[{"names": "*", "privileges": ["read"]}])
    bare = security.get_role(name="bare")["bare"]
    check("names as one text", bare["indices"][0]["names"], ["*"])
    check("a bare role: members", list(bare), [m for m in members[:-1] if m != "global"])
    some = security.get_role(name=["bare", "nothing_at_all"])
    check("get_role of several", list(some), ["bare"])
    check_missing("get_role of none", {}, lambda: security.get_role(name="nothing_at_all"))
    everything = security.get_role()
    present = [name in everything for name in ("superuser", "viewer", "kibana_system", "bare")]
    check("get_role of all", present, [True] * 4)
    reserved = everything["superuser"]["metadata"]
    check("a reserved role", reserved, {"_reserved": True})
    check("delete_role", security.delete_role(name="bare").body, {"found": True})
    check_missing(
        "delete_role again", {"found": False}, lambda: security.delete_role(name="bare")
    )


def roles_are_queried():
    for number, name in enumerate(["quartz", "quick", "quiet"]):
        security.put_role(
            name=name,
            description=f"The role {name}",
            metadata={"rank": str(number)},
            applications=[
                {"application": f"shop-{number}", "privileges": ["buy"], "resources": ["*"]}
            ],
        )
    query = security.query_role

    def names(**body):
        return [role["name"] for role in query(**body)["roles"]]

    ours = {"prefix": {"name": "qu"}}
    answer = query(query=ours, sort=[{"name": {"order": "desc"}}], size=2)
    check("query_role: total and count", (answer["total"], answer["count"]), (3, 2))
    found = [role["name"] for role in answer["roles"]]
    check("query_role: sorted", found, ["quiet", "quick"])
    first = answer["roles"][0]
    ends = (list(first)[0], list(first)[-1])
    check("query_role: name first, _sort last", ends, ("name", "_sort"))
    for what, body, wanted in [
        ("term", {"term": {"name": "quick"}}, ["quick"]),
        ("metadata", {"term": {"metadata.rank": "2"}}, ["quiet"]),
        ("application", {"term": {"applications.application": "shop-0"}}, ["quartz"]),
        ("description", {"match": {"description": "quick"}}, ["quick"]),
    ]:
        both = {"bool": {"must": [ours, body]}}
        check(f"query_role: {what}", names(query=both, sort=["name"]), wanted)
    check("query_role: no reserved roles", names(query={"term": {"name": "superuser"}}), [])
    check_refused(
        "query_role: field",
        400,
        "illegal_argument_exception",
        "Field [cluster] is not allowed for querying or aggregation",
        lambda: query(query={"term": {"cluster": "all"}}),
    )


def roles_are_put_and_deleted_together():
    good = {"cluster": ["monitor"]}
    put = security.bulk_put_role
    answer = put(roles={"bulk-1": good, "bulk-2": good})
    check("bulk_put_role: created", answer.body, {"created": ["bulk-1", "bulk-2"]})
    answer = put(
        roles={
            "bulk-1": good,
            "bulk-2": {"cluster": ["all"]},
            "bulk-3": {"cluster": ["bogus"]},
            "superuser": good,
        }
    )
    check("bulk_put_role: noop", answer["noop"], ["bulk-1"])
    check("bulk_put_role: updated", answer["updated"], ["bulk-2"])
    check("bulk_put_role: errors", answer["errors"]["count"], 2)
    details = answer["errors"]["details"]
    invalid = "action_request_validation_exception"
    check("bulk_put_role: bad privilege", details["bulk-3"]["type"], invalid)
    check("bulk_put_role: reserved", details["superuser"]["type"], invalid)
    told = "Role [superuser] is reserved and may not be used." in details["superuser"]["reason"]
    check("bulk_put_role: reserved, told", told, True)
    check_missing("bulk_put_role: not stored", {}, lambda: security.get_role(name="bulk-3"))
    answer = security.bulk_delete_role(names=["bulk-1", "superuser", "nothing_at_all", "bulk-2"])
    check("bulk_delete_role: deleted", answer["deleted"], ["bulk-1", "bulk-2"])
    check("bulk_delete_role: not_found", answer["not_found"], ["nothing_at_all"])
    refused = {
        "type": "illegal_argument_exception",
        "reason": "role [superuser] is reserved and cannot be deleted",
    }
    check("bulk_delete_role: errors", answer["errors"]["details"], {"superuser": refused})


def bad_roles_are_refused():
    put = security.put_role
    check_invalid(
        "put_role: reserved",
        "Role [superuser] is reserved and may not be used.",
        lambda: put(name="superuser", cluster=[]),
    )
    error = check_error(
        "put_role: cluster", BadRequestError, 400, lambda: put(name="bad", cluster=["bogus"])
    )["error"]
    check("put_role: cluster: type", error["type"], "action_request_validation_exception")
    reason = error["reason"]
    check(
        "put_role: cluster, the names in order",
        "unknown cluster privilege [bogus]. a privilege must be either one of the predefined"
        " cluster privilege names [manage_own_api_key," in reason,
        True,
    )
    end = "or a pattern over one of the available cluster actions;"
    check("put_role: cluster, the end", reason.endswith(end), True)
    indices = [{"names": ["*"], "privileges": ["bogus"]}]
    check_told(
        "put_role: index",
        400,
        "unknown index privilege [bogus]. a privilege must be either",
        lambda: put(name="bad", indices=indices),
    )
    check_invalid(
        "put_role: metadata",
        "role descriptor metadata keys may not start with [_]",
        lambda: put(name="bad", metadata={"_x": 1}),
    )
    check_invalid(
        "put_role: description",
        "Role description must be less than 1000 characters.",
        lambda: put(name="bad", description="d" * 1001),
    )
    check_refused(
        "put_role: unknown member",
        400,
        "parse_exception",
        "failed to parse role [bad]. unexpected field [colour]",
        lambda: put(name="bad", body={"colour": "blue"}),
    )
    check_refused(
        "put_role: index without names",
        400,
        "parse_exception",
        "failed to parse indices privileges for role [bad]. missing required [names] field",
        lambda: put(name="bad", indices=[{"privileges": ["read"]}]),
    )
    check_refused(
        "delete_role: reserved",
        400,
        "illegal_argument_exception",
        "role [viewer] is reserved and cannot be deleted",
        lambda: security.delete_role(name="viewer"),
    )
    check_missing("nothing is stored", {}, lambda: security.get_role(name="bad"))


def a_role_opens_what_it_names_at_once():
    security.put_role(name="reader", cluster=["read_security"])
    security.put_user(username="rita", password="rita-password", roles=["reader", "gone"])
    with client("rita", "rita-password") as rita:
        check("read_security: get_role", "reader" in rita.security.get_role(), True)
        check_refused(
            "read_security: put_role",
            403,
            "security_exception",
            "action [cluster:admin/xpack/security/role/put] is unauthorized for user [rita] with"
            " effective roles [reader] (assigned roles [gone] were not found),"
            " this action is granted by the cluster privileges [manage_security,all]",
            lambda: rita.security.put_role(name="mine", cluster=["all"]),
        )
        security.put_role(name="reader", cluster=["manage_security"])
        answer = rita.security.put_role(name="mine", cluster=["all"])
        check("a role defined anew", answer["role"]["created"], True)


SCENARIOS = [
    roles_are_kept_whole,
    roles_are_queried,
    roles_are_put_and_deleted_together,
    bad_roles_are_refused,
    a_role_opens_what_it_names_at_once,
]
