"""Role mappings: put, shown, replaced, deleted."""

import json

from harness import (
    check,
    check_invalid,
    check_missing,
    check_refused,
    check_told,
    client,
    elastic,
)

security = elastic.security

EVERYBODY = {"field": {"username": "*"}}


def mappings_are_kept():
    put = security.put_role_mapping
    rules = {
        "all": [
            {"any": [{"field": {"dn": "*,ou=admins,dc=example,dc=com"}}, EVERYBODY]},
            {"field": {"groups": ["cn=admins,dc=example,dc=com", "/a[bc]+/"]}},
            {"field": {"realm.name": "ldap1"}},
            {"except": {"field": {"metadata.terminated": True}}},
        ]
    }
    mapping = {"enabled": True, "roles": ["viewer"], "rules": rules, "metadata": {"v": 1}}
    answer = put(name="map-1", **mapping)
    check("put_role_mapping: created", answer.body, {"role_mapping": {"created": True}})
    answer = put(name="map-1", **mapping)
    check("put_role_mapping again", answer.body, {"role_mapping": {"created": False}})
    shown = security.get_role_mapping(name="map-1")["map-1"]
    check("get_role_mapping", shown, mapping)
    check("get_role_mapping: members in order", list(shown), list(mapping))

    templates = [
        {"template": {"source": "{{#tojson}}groups{{/tojson}}"}, "format": "json"},
        {"template": {"source": "user-{{username}}"}},
    ]
    put(name="map-2", enabled=False, role_templates=templates, rules=EVERYBODY)
    shown = security.get_role_mapping(name="map-2")["map-2"]
    check("templates: no roles", list(shown), ["enabled", "role_templates", "rules", "metadata"])
    kinds = [template["format"] for template in shown["role_templates"]]
    check("templates: format", kinds, ["json", "string"])
    texts = [json.loads(template["template"]) for template in shown["role_templates"]]
    check("templates: shown as text", texts, [template["template"] for template in templates])

    some = security.get_role_mapping(name=["map-1", "map-2", "map-3"])
    check("get_role_mapping of several", sorted(some), ["map-1", "map-2"])
    check("get_role_mapping of all", sorted(security.get_role_mapping()), ["map-1", "map-2"])
    check_missing("get of none", {}, lambda: security.get_role_mapping(name="map-3"))
    for name in ("map-1", "map-2"):
        answer = security.delete_role_mapping(name=name)
        check(f"delete_role_mapping {name}", answer.body, {"found": True})
    check_missing(
        "delete again", {"found": False}, lambda: security.delete_role_mapping(name="map-1")
    )
    check("get_role_mapping of all, none left", security.get_role_mapping().body, {})


def native_users_are_not_mapped():
    security.put_role_mapping(name="all", enabled=True, roles=["superuser"], rules=EVERYBODY)
    security.put_user(username="nat", password="nat-password", roles=["viewer"])
    with client("nat", "nat-password") as nat:
        check("a native user's roles", nat.security.authenticate()["roles"], ["viewer"])
    security.delete_role_mapping(name="all")


def bad_mappings_are_refused():
    def put(**changes):
        body = {"enabled": True, "roles": ["viewer"], "rules": EVERYBODY, **changes}
        body = {key: value for key, value in body.items() if value is not None}
        return security.put_role_mapping(name="bad", body=body)

    for what, changes, told in [
        ("enabled", {"enabled": None}, "role-mapping [bad]. missing field [enabled]"),
        ("roles", {"roles": None}, "role-mapping [bad]. missing field [roles]"),
        ("except in any", {"rules": {"any": [{"except": EVERYBODY}]}}, "not allowed within [any]"),
        ("except at the top", {"rules": {"except": EVERYBODY}}, "[except]"),
        ("operator", {"rules": {"some": []}}, "[some]"),
        ("two members", {"rules": {"any": [], "all": []}}, "contains multiple fields"),
        ("array", {"rules": {"all": {}}}, "requires an array"),
        ("member", {"run_as": ["x"]}, "run_as"),
        ("format", {"roles": None, "role_templates": [{"template": "x", "format": "xml"}]}, "xml"),
    ]:
        check_told(f"mapping: {what}", 400, told, lambda: put(**changes))
    check_invalid(
        "mapping: metadata",
        "metadata keys may not start with [_]",
        lambda: put(metadata={"_x": 1}),
    )
    check_missing("nothing is stored", {}, lambda: security.get_role_mapping(name="bad"))
    security.put_user(username="mara", password="mara-password", roles=["viewer"])
    with client("mara", "mara-password") as mara:
        check_refused(
            "mapping: without the privilege",
            403,
            "security_exception",
            "action [cluster:admin/xpack/security/role_mapping/put] is unauthorized for user"
            " [mara] with effective roles [viewer],"
            " this action is granted by the cluster privileges [manage_security,all]",
            lambda: mara.security.put_role_mapping(
                name="bad", enabled=True, roles=["superuser"], rules=EVERYBODY
            ),
        )


SCENARIOS = [
    mappings_are_kept,
    native_users_are_not_mapped,
    bad_mappings_are_refused,
]
